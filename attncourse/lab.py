"""JupyterLab on the course: its folder, its start page, nbgrader's buttons, no network.

The settings that JupyterLab itself reads (a page of text opens rendered, no news from the
internet) lie beside this file in `jupyter/labconfig`.
"""

import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from jupyterlab.labapp import LabApp

from attncourse.course.start_page import START_PAGE

SETTINGS = Path(__file__).parent / "jupyter"


def open_course(root: Path, arguments: Sequence[str] = (), *, instructor: bool = False) -> None:
    """Runs JupyterLab until it is stopped.

    Args:
        root: The course's folder, which holds `notebooks/` and `nbgrader_config.py`.
        arguments: What JupyterLab gets besides; later options win over ours.
        instructor: Show the whole course, where nbgrader's formgrader finds its files, instead of
            the learner's `notebooks/`.
    """
    os.chdir(root)  # nbgrader's extensions read the configuration of the working directory
    os.environ.update(environment(os.environ))
    folder = root if instructor else root / "notebooks"
    LabApp.launch_instance([*options(folder), *arguments])


def environment(inherited: Mapping[str, str]) -> dict[str, str]:
    """The variables under which JupyterLab finds our settings and the environment's programs."""
    programs = str(Path(sys.executable).parent)  # nbgrader starts alembic by its bare name
    settings = [str(SETTINGS), *filter(None, [inherited.get("JUPYTER_CONFIG_PATH")])]
    return {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(settings),
        "PATH": os.pathsep.join([programs, inherited.get("PATH", os.defpath)]),
    }


def options(folder: Path) -> list[str]:
    """JupyterLab's options for a folder and the start page in it, if it has one."""
    chosen = [
        f"--ServerApp.root_dir={folder}",
        "--Application.log_level=WARN",
        "--LabApp.news_url=None",
        "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
        "--LabApp.extension_manager=readonly",
        "--LanguageServerManager.autodetect=False",  # the search for servers starts npm
    ]
    if (folder / START_PAGE).is_file():
        chosen.append(f"--LabApp.default_url=/lab/tree/{START_PAGE}")
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        chosen.append("--allow-root")  # in a container root is the only user there is
    return chosen
