"""A PostgreSQL server in a temporary folder, where its programs are installed."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY_ELSE = "postgres"  # the server refuses to run as root; packages bring this user


def programs() -> Path | None:
    """The folder of `initdb` and `pg_ctl`, which Debian keeps off the PATH."""
    debian = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else []
    return next((path for path in [*reversed(debian), *found] if (path / "pg_ctl").exists()), None)


@contextmanager
def postgres(where: Path) -> Iterator[str]:
    """Starts a server of its own, and gives the URL of an empty database.

    Args:
        where: The folder of its programs.
    """
    root = os.geteuid() == 0
    who = ["runuser", "-u", NOBODY_ELSE, "--"] if root else []
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    if root:
        os.chown(folder, pwd.getpwnam(NOBODY_ELSE).pw_uid, -1)

    def run(program: str, *arguments: str) -> None:
        command = [*who, str(where / program), "-D", str(folder / "data"), *arguments]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL)

    try:
        run("initdb", "--auth=trust", "--username=teacher", "--encoding=UTF8", "--no-sync")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        run("pg_ctl", "--wait", "--log", str(folder / "log"), "--options", options, "start")
        try:
            yield f"postgresql+psycopg://teacher@/postgres?host={folder}"
        finally:
            run("pg_ctl", "--wait", "--mode=immediate", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
