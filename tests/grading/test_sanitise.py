"""What learners hand in runs on no page: looked at as text here, in a browser further down."""

import copy
import html
import json
import time
from collections.abc import Callable
from html.parser import HTMLParser

import pytest
from nbconvert.exporters import HTMLExporter
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from attncourse.grading.results.page import prose
from attncourse.grading.results.sanitise import as_typed, sanitise, sanitise_text
from tests.grading import payloads

FORBIDDEN = ("<script", "<iframe", "<object", "<svg", "<style", "<form", "<base", "<meta", "<math")


@pytest.mark.parametrize("text", payloads.MARKDOWN.values(), ids=payloads.MARKDOWN)
def test_html_that_could_run_becomes_text(text: str) -> None:
    found = sanitise_text(text)
    assert not any(tag in found.lower() for tag in FORBIDDEN)
    assert "<img" not in found or "onerror" not in found.split("<img")[1].split(">")[0]
    assert "mermaid" not in found


def test_what_people_write_in_answers_stays() -> None:
    for text in (
        "It holds as $a < b$ and b > c.",
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "*why* and **how**, [a paper](https://arxiv.org/abs/1409.0473)",
        "`x[:, None] < y`",
    ):
        assert sanitise_text(text) == text
    assert sanitise_text("a <b>bold</b> word") == "a <b>bold</b> word"


@pytest.mark.parametrize(
    ("typed", "shown"),
    [
        ("as `i<n` says", "as <code>i&lt;n</code> says"),
        ("$a<b$ & c", "$a&lt;b$ &amp; c"),
        ("> said `a<b`", "<blockquote>\n<p>said <code>a&lt;b</code></p>\n</blockquote>"),
        ("<script>loud()</script>", "&lt;script&gt;loud()&lt;/script&gt;"),
        ("&lt;script>loud()</script>", "&lt;script&gt;loud()&lt;/script&gt;"),
    ],
)
def test_feedback_escapes_what_was_typed_once(typed: str, shown: str) -> None:
    assert shown in prose(as_typed(sanitise_text(typed)))


class Tags(HTMLParser):
    """Collects what a browser would take for tags."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


@pytest.mark.parametrize("escape", [str, html.escape, lambda text: html.escape(html.escape(text))])
@pytest.mark.parametrize("text", payloads.MARKDOWN.values(), ids=payloads.MARKDOWN)
def test_feedback_makes_tags_of_markdown_alone(text: str, escape: Callable[[str], str]) -> None:
    tags = Tags()
    tags.feed(prose(as_typed(sanitise_text(escape(text)))))
    for tag, attributes in tags.found:
        assert tag in ("p", "a", "img", "pre", "code", "em", "strong", "blockquote"), tag
        assert set(attributes) <= {"href", "src", "alt", "title", "class"}
        for name in ("href", "src"):
            assert not (attributes.get(name) or "").lower().startswith(("javascript", "data", "vb"))


@pytest.mark.parametrize("bundle", payloads.BUNDLES.values(), ids=payloads.BUNDLES)
def test_outputs_keep_text_and_pictures_alone(bundle: dict[str, object]) -> None:
    cell = new_code_cell("x")
    cell.outputs = [new_output("display_data", data=copy.deepcopy(bundle))]
    (clean,) = sanitise(new_notebook(cells=[cell])).cells
    for output in clean.outputs:
        assert set(output.data) <= {"text/plain", "text/html", "image/png", "image/jpeg"}
        page = output.data.get("text/html", "").lower()
        assert not any(tag in page for tag in FORBIDDEN)
        assert "svg" not in page or "&lt;svg" in page or "src" not in page


def test_a_figure_of_the_course_survives_with_its_words() -> None:
    data = {
        "text/plain": "a figure",
        "text/html": f'<img src="data:image/png;base64,{payloads.PIXEL}" alt="a line">',
        "image/png": payloads.PIXEL,
    }
    cell = new_code_cell("x")
    cell.outputs = [new_output("display_data", data=dict(data))]
    (clean,) = sanitise(new_notebook(cells=[cell])).cells
    assert clean.outputs[0].data == data


def test_metadata_is_what_grading_needs_and_no_more() -> None:
    nb = payloads.notebook(new_notebook(cells=[new_markdown_cell("x")]))
    nb.cells[0].metadata["nbgrader"] = {"grade_id": "why"}
    clean = sanitise(nb)
    assert clean.metadata == {}
    assert clean.cells[0].metadata == {"nbgrader": {"grade_id": "why"}}


def test_floods_are_cut() -> None:
    cell = new_code_cell("x")
    cell.outputs = [new_output("stream", text="x" * 10_000_000)]
    nb = sanitise(new_notebook(cells=[cell, new_markdown_cell("y" * 10_000_000)]))
    assert sum(len(json.dumps(each)) for each in nb.cells) < 300_000


def test_nothing_that_is_handed_in_keeps_a_page_from_being_made() -> None:
    """nbconvert breaks off at an attachment that is mentioned and not there, or is no picture."""
    nb = payloads.notebook(new_notebook(cells=[new_markdown_cell("x")]))
    nb.cells.append(new_markdown_cell("![gone](attachment:gone%20for%20ever.png)"))
    page, _ = HTMLExporter().from_notebook_node(sanitise(nb))
    assert "loud" in page


def test_a_flood_of_tags_costs_no_minutes() -> None:
    many = "<b>" * 1_000
    output = new_output("display_data", data={"text/html": many, "text/plain": "many"})
    cells = [new_markdown_cell(many), new_code_cell(outputs=[output])]
    cells += [new_markdown_cell(many) for _ in range(40)]
    notebook = new_notebook(cells=cells)
    started = time.thread_time()
    found = sanitise(notebook)
    assert time.thread_time() - started < 5
    assert "<b" not in found.cells[0].source
    assert found.cells[1].outputs[0].data == {"text/plain": "many"}
