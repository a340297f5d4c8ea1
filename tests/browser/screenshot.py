"""Look at a notebook as its readers see it.

    python -m tests.browser.screenshot solutions/01-bahdanau/01-bahdanau.ipynb shots
    python -m tests.browser.screenshot --lab notebooks/01-bahdanau/01-bahdanau.ipynb shots

writes shots/01.png, shots/02.png …, a screenful each: of the page that nbconvert makes, or of
JupyterLab. A cell is shown with the outputs that are stored; nothing is run.
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from nbconvert import HTMLExporter
from playwright.sync_api import Locator, Page

from tests.browser.jupyter import PATIENCE, chromium, jupyterlab

WIDTH, HEIGHT = 1100, 1400
SCROLL = (
    "(e, by) => { const before = e.scrollTop; e.scrollTop += by; return e.scrollTop > before; }"
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("notebook", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--lab", action="store_true", help="show JupyterLab, not the saved page")
    arguments = parser.parse_args()
    arguments.folder.mkdir(parents=True, exist_ok=True)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": WIDTH, "height": HEIGHT})
        page.set_default_timeout(PATIENCE)
        shots = in_lab if arguments.lab else as_page
        for number, picture in enumerate(shots(page, arguments.notebook), start=1):
            (arguments.folder / f"{number:02}.png").write_bytes(picture)


def as_page(page: Page, notebook: Path) -> Iterator[bytes]:
    html, _ = HTMLExporter().from_filename(str(notebook))
    page.route("**/*", lambda route: route.abort())  # formulas stay text without a network
    page.set_content(html)
    yield from screenfuls(page, page.locator("html"))


def in_lab(page: Page, notebook: Path) -> Iterator[bytes]:
    with TemporaryDirectory() as folder:
        lesson = Path(folder) / "notebooks" / notebook.stem / notebook.name
        lesson.parent.mkdir(parents=True)
        shutil.copy(notebook, lesson)
        with jupyterlab(Path(folder)) as lab:
            lab.open(page, f"{notebook.stem}/{notebook.name}")
            yield from screenfuls(page, page.locator(".jp-WindowedPanel-outer"))


def screenfuls(page: Page, scrolled: Locator) -> Iterator[bytes]:
    """What one sees while scrolling down to the end."""
    step = scrolled.evaluate("e => e.clientHeight") - 60
    yield page.screenshot()
    while scrolled.evaluate(f"(e) => ({SCROLL})(e, {step})"):
        page.wait_for_timeout(400)  # JupyterLab draws cells when they come into view
        yield page.screenshot()


if __name__ == "__main__":
    main()
