"""A course in a temporary folder, and JupyterLab open on it."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from attncourse.course.places import Course
from tests.browser.jupyter import CHROMIUM, PATIENCE, Lab, chromium, jupyterlab
from tests.browser.lessons import lay_out


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("there is no Chromium on the PATH")
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(PATIENCE)
    yield page
    page.close()


@pytest.fixture(scope="session")
def course(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Course:
    return lay_out(tmp_path_factory.mktemp("course"))


@pytest.fixture(scope="session")
def learner(course: Course) -> Iterator[Lab]:
    """What a learner has open."""
    with jupyterlab(course.root) as lab:
        yield lab


@pytest.fixture(scope="session")
def instructor(course: Course) -> Iterator[Lab]:
    """What an instructor has open."""
    with jupyterlab(course.root, "--instructor") as lab:
        yield lab
