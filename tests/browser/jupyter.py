"""A headless Chromium and a JupyterLab for it to look at, for the tests and for screenshots."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Browser, Page, expect, sync_playwright

NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
OPTIONS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
ADDRESS = re.compile(r"(http://127\.0\.0\.1:\d+)/\S*token=(\w+)")
PATIENCE = 120_000  # milliseconds: a kernel that loads torch, on a busy machine


@contextmanager
def chromium() -> Iterator[Browser]:
    """A headless browser."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=list(OPTIONS))
        expect.set_options(timeout=PATIENCE)
        yield browser
        browser.close()


@dataclass(frozen=True)
class Lab:
    """A running JupyterLab."""

    base: str
    token: str

    def open(self, page: Page, path: str = "") -> None:
        """Open a file in an otherwise empty JupyterLab and wait until one can work with it."""
        place = f"/tree/{path}" if path else ""
        page.goto(f"{self.base}/lab{place}?reset&token={self.token}")
        page.get_by_role("menuitem", name="Nbgrader").wait_for()
        if path.endswith(".ipynb"):
            page.get_by_text(re.compile(r"\| Idle$")).wait_for()


@contextmanager
def jupyterlab(course: Path, *options: str) -> Iterator[Lab]:
    """`attncourse lab` on a course, in a home of its own.

    Args:
        course: the folder with `notebooks/` and nbgrader's configuration.
        options: for `attncourse lab`.
    """
    with TemporaryDirectory() as home:
        server = subprocess.Popen(
            [sys.executable, "-m", "attncourse", "lab", "--no-browser", "--port=0", *options],
            cwd=course,
            env=os.environ | {"HOME": home, "JUPYTER_RUNTIME_DIR": f"{home}/runtime"},
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            yield Lab(*next(filter(None, map(ADDRESS.search, server.stderr))).groups())
        finally:
            server.terminate()
            server.communicate(timeout=120)


def choose(page: Page, *path: str) -> None:
    """Go through a menu: `choose(page, "Run", "Run All Cells")`."""
    for name in path:
        page.get_by_role("menuitem", name=name, exact=True).click()
