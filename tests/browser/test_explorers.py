"""Explorers in a saved page: mouse, finger and keyboard, light and dark, and without a script."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook, new_output
from playwright.sync_api import Browser, Locator, Page, expect

from attncourse.plotting import attention_view, gate_view, pixel_view
from attncourse.plotting.explorer import Explorer

pytestmark = pytest.mark.browser

WORDS = np.array([[[0.9, 0.1], [0.2, 0.8]], [[0.3, 0.7], [0.6, 0.4]]])
PLACES = np.eye(6)[::-1] * 0.75 + np.eye(6) * 0.25  # 2 by 3 places, each looks at its mirror image
IMAGE = np.zeros((3, 4, 6))
MAPS = np.stack([np.full((4, 6), 0.5), np.eye(4, 6)])
CHANNELS = np.array([[0.2, 0.8], [1.0, 0.0]]).reshape(2, 2, 1, 1)  # of two inputs
SIDES = (np.array([[0.5, 1.0]]), np.array([[1.0, 0.0, 0.5]]))


@dataclass
class Shown:
    """A saved page with some explorers."""

    page: Page
    errors: list[str]

    def view(self, number: int = 0) -> Locator:
        return self.page.locator(".attncourse-explorer").nth(number)

    def said(self, number: int = 0) -> Locator:
        return self.view(number).locator("output")


Saved = Callable[..., Shown]


@pytest.fixture
def saved(browser: Browser) -> Iterator[Saved]:
    """Opens a page with explorers as nbconvert saves it."""
    contexts = []

    def save(*explorers: Explorer, theme: str = "light", **options: object) -> Shown:
        cells = []
        for explorer in explorers:
            data, metadata = explorer._repr_mimebundle_()
            output = new_output("display_data", data=data, metadata=metadata)
            cells.append(new_code_cell("view", outputs=[output]))
        html, _ = HTMLExporter(theme=theme).from_notebook_node(new_notebook(cells=cells))
        contexts.append(
            browser.new_context(**{"viewport": {"width": 1200, "height": 900}, **options})
        )
        page = contexts[-1].new_page()
        page.set_default_timeout(20_000)
        page.route("http*://**", lambda route: route.abort())
        shown = Shown(page, [])
        page.on("pageerror", lambda error: shown.errors.append(str(error)))
        page.set_content(html, wait_until="domcontentloaded")
        return shown

    yield save
    for context in contexts:
        context.close()


def words() -> Explorer:
    return attention_view(WORDS, "ab", "xy")


def trained() -> Explorer:
    return attention_view(WORDS, "ab", "xy", steps=["step 1", "step 10"])


def pixels() -> Explorer:
    return pixel_view(PLACES, IMAGE, size=(2, 3), at=(0, 0))


def inputs() -> Explorer:
    return gate_view(MAPS, CHANNELS, steps=["rows", "checks"], at=(1, 0, 0))


def places() -> Explorer:
    return gate_view(IMAGE[0] + 0.5, SIDES)


ALL = (words, trained, pixels, inputs, places)


def point(panel: Locator, row: float, column: float, rows: int, columns: int) -> dict[str, float]:
    """The middle of a place, in pixels of a panel."""
    box = panel.bounding_box()
    assert box is not None
    return {
        "x": (column + 0.5) * box["width"] / columns,
        "y": (row + 0.5) * box["height"] / rows,
    }


def light(canvas: Locator, row: float, column: float) -> list[int]:
    """Red, green and blue of a pixel."""
    read = "(c, [y, x]) => [...c.getContext('2d').getImageData(x, y, 1, 1).data].slice(0, 3)"
    return list(canvas.evaluate(read, [row, column]))


def test_many_explorers_stand_on_one_page_and_move_alone(saved: Saved) -> None:
    shown = saved(*(make() for make in ALL), words())
    expect(shown.page.locator(".live")).to_have_count(6)
    expect(shown.page.get_by_role("img", name="Attention map")).to_have_count(0)
    shown.view(0).get_by_role("img", name="target 1: x").hover()
    expect(shown.said(0)).to_have_text("x  looks at  a 0.90 · b 0.10")
    expect(shown.said(5)).to_contain_text("Point at a symbol")
    assert not shown.errors


def test_a_word_shows_its_row_and_leaves_it_with_the_mouse(saved: Saved) -> None:
    shown = saved(words())
    shown.view().get_by_role("img", name="source 2: b").hover()
    expect(shown.said()).to_have_text("b  is looked at by  y 0.80 · x 0.10")
    expect(shown.view().locator("line")).to_have_count(2)
    shown.page.mouse.move(0, 0)
    expect(shown.said()).to_contain_text("Point at a symbol")
    expect(shown.view().locator("line")).to_have_count(4)


def test_heads_are_buttons(saved: Saved) -> None:
    shown = saved(words())
    second = shown.view().get_by_role("button", name="head 2")
    second.click()
    expect(second).to_have_attribute("aria-pressed", "true")
    shown.view().get_by_role("img", name="target 1: x").hover()
    expect(shown.said()).to_have_text("x  looks at  b 0.70 · a 0.30")


def test_steps_are_a_slider_for_the_keyboard(saved: Saved) -> None:
    shown = saved(trained())
    slider = shown.view().get_by_role("slider")
    expect(slider).to_have_attribute("aria-valuetext", "step 10")
    slider.focus()
    shown.page.keyboard.press("ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", "step 1")
    shown.view().get_by_role("img", name="target 1: x").hover()
    expect(shown.said()).to_have_text("x  looks at  a 0.90 · b 0.10")


def test_the_keyboard_reaches_everything_and_shows_where_it_is(saved: Saved) -> None:
    shown = saved(trained(), pixels(), inputs())
    look = """() => {
        const at = document.activeElement, rect = at.querySelector("rect");
        const seen = getComputedStyle(at).outlineStyle !== "none" ||
            (rect !== null && getComputedStyle(rect).stroke !== "none");
        return at.closest(".live") && [at.getAttribute("role") ?? at.type, seen];
    }"""
    reached = []
    for _ in range(12):  # cells of the page are reached, too
        shown.page.keyboard.press("Tab")
        if found := shown.page.evaluate(look):
            role, is_seen = found
            assert is_seen, role
            reached.append(role)
    assert reached == ["range", "img", "group", "range", "slider", "group"]


def test_arrow_keys_move_over_words_and_to_the_other_row(saved: Saved) -> None:
    shown = saved(words())
    shown.view().get_by_role("img", name="target 1: x").focus()
    shown.page.keyboard.press("ArrowRight")
    expect(shown.said()).to_contain_text("y  looks at")
    shown.page.keyboard.press("ArrowRight")
    expect(shown.said()).to_contain_text("y  looks at")
    shown.page.keyboard.press("ArrowUp")
    expect(shown.said()).to_contain_text("b  is looked at by")
    shown.page.keyboard.press("ArrowDown")
    expect(shown.said()).to_contain_text("y  looks at")


def test_a_pixel_shows_where_it_looks_on_the_image(saved: Saved) -> None:
    shown = saved(pixels())
    panel, canvas = shown.view().locator(".panel"), shown.view().locator("canvas")
    expect(shown.said()).to_contain_text("Row 0, column 0 looks:  0.75 at row 1, column 2")
    panel.hover(position=point(panel, 0, 1, 2, 3))
    expect(shown.said()).to_contain_text("Row 0, column 1 looks:  0.75 at row 1, column 1 · 0.25")
    gold, paler, dark = (light(canvas, *at) for at in ((3, 2), (0, 3), (0, 0)))
    assert gold[0] > 200 > gold[2] and 50 < paler[0] < gold[0] and dark == [0, 0, 0]
    shown.view().locator(".board").focus()
    for key in ("ArrowDown", "ArrowDown", "ArrowRight"):
        shown.page.keyboard.press(key)
    expect(shown.said()).to_contain_text("Row 1, column 2 looks:  0.75 at row 0, column 0")
    frame, box = shown.view().locator(".frame").bounding_box(), panel.bounding_box()
    assert frame and box
    assert abs(frame["x"] - box["x"] - box["width"] * 2 / 3) < 2
    assert abs(frame["y"] - box["y"] - box["height"] / 2) < 2


def test_axial_weights_of_rows_and_columns_meet(saved: Saved) -> None:
    rows, columns = np.array([[0.25, 0.75], [0.5, 0.5]]), np.eye(3)
    shown = saved(pixel_view((rows, columns), IMAGE, at=(0, 1)))
    # 0.75 of row 1 spread over three places, and 1 of column 1 spread over two.
    expect(shown.said()).to_contain_text(
        "looks:  0.75 at row 1, column 1 · 0.58 at row 0, column 1"
    )


def test_a_channel_shows_what_its_gate_opens(saved: Saved) -> None:
    shown = saved(inputs())
    strip, canvas = shown.view().locator(".strip"), shown.view().locator("canvas")
    expect(shown.said()).to_have_text("channel 1, row 0, column 0:  1.00 × gate 0.00 = 0.00")
    assert light(canvas.nth(0), 0, 0) == [6, 45, 82]
    assert light(canvas.nth(1), 0, 0) == [255, 255, 255]
    shown.view().locator("input").fill("0")
    expect(shown.said()).to_have_text("channel 1, row 0, column 0:  1.00 × gate 0.80 = 0.80")
    strip.hover(position=point(strip, 0, 0, 1, 2))
    expect(shown.said()).to_have_text("channel 0, row 0, column 0:  0.50 × gate 0.20 = 0.10")
    strip.focus()
    shown.page.keyboard.press("ArrowRight")
    expect(strip).to_have_attribute("aria-valuetext", "channel 1, gate 0.80")


def test_a_place_shows_what_its_gate_lets_pass(saved: Saved) -> None:
    shown = saved(places())
    panel = shown.view().locator(".panel").nth(1)
    panel.hover(position=point(panel, 3, 5, 4, 6))
    expect(shown.said()).to_have_text("row 3, column 5:  0.50 × gate 0.50 = 0.25")
    panel.hover(position=point(panel, 3, 2, 4, 6))
    expect(shown.said()).to_have_text("row 3, column 2:  0.50 × gate 0.00 = 0.00")
    assert light(shown.view().locator("canvas").nth(2), 3, 0) == [128, 128, 128]


def test_a_finger_explores_too(saved: Saved) -> None:
    shown = saved(
        words(), pixels(), inputs(), has_touch=True, viewport={"width": 380, "height": 800}
    )
    shown.view(0).get_by_role("img", name="target 2: y").tap()
    expect(shown.said(0)).to_have_text("y  looks at  b 0.80 · a 0.20")
    panel = shown.view(1).locator(".panel")
    panel.tap(position=point(panel, 1, 0, 2, 3))
    expect(shown.said(1)).to_contain_text("Row 1, column 0 looks:  0.75 at row 0, column 2")
    strip = shown.view(2).locator(".strip")
    strip.tap(position=point(strip, 0, 0, 1, 2))
    expect(shown.said(2)).to_contain_text("channel 0")


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 380])
def test_everything_fits_and_letters_stand_out(saved: Saved, theme: str, width: int) -> None:
    shown = saved(*(make() for make in ALL), theme=theme, viewport={"width": width, "height": 900})
    assert shown.page.evaluate("document.documentElement.scrollWidth") <= width
    inks = "e => [getComputedStyle(e).color, getComputedStyle(document.body).backgroundColor]"
    letters, paper = (
        np.array([float(part) for part in ink[ink.index("(") + 1 : -1].split(",")[:3]])
        for ink in shown.said().evaluate(inks)
    )
    assert abs(letters.mean() - paper.mean()) > 150


def test_without_a_script_the_best_single_view_is_there(saved: Saved) -> None:
    shown = saved(*(make() for make in ALL), java_script_enabled=False)
    expect(shown.page.locator(".live")).to_have_count(0)
    images = shown.page.locator(".attncourse-explorer img")
    expect(images).to_have_count(len(ALL))
    for image in images.all():
        expect(image).to_be_visible()
        assert len(image.get_attribute("alt") or "") > 40
        box = image.bounding_box()
        assert box and box["height"] > 60


def test_nothing_moves_for_those_who_ask_for_rest(saved: Saved) -> None:
    moving = "e => parseFloat(getComputedStyle(e).transitionDuration)"
    for asked, moves in (("reduce", False), ("no-preference", True)):
        bar = saved(inputs(), reduced_motion=asked).view().locator(".strip i").first
        assert (bar.evaluate(moving) > 0) == moves
