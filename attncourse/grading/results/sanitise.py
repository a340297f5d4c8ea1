"""Notebooks of learners made harmless for the pages that an instructor or another learner opens.

A cell's outputs, its text and the notebook's metadata all become HTML in formgrader and in
feedback, some of it verbatim. What stays: plain text, pictures that are pictures, and HTML without
anything that could run, load or cover something.
"""

import base64
import binascii
import html
import re
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import unquote

import bleach
from nbformat import NotebookNode

#: Pictures and the bytes with which they begin.
PICTURES = {"image/png": b"\x89PNG\r\n\x1a\n", "image/jpeg": b"\xff\xd8\xff"}
SOURCE = re.compile(r"data:(image/(?:png|jpeg));base64,([A-Za-z0-9+/=\s]*)")
ATTACHED = re.compile(r"attachment:([^\s()\"'<>]*)")
TAG_LIKE = re.compile(r"<[a-zA-Z/!?]")  # before a space or a digit, < is a sign and no tag
TAGS = {
    *("p", "br", "hr", "div", "span", "pre", "code", "blockquote", "details", "summary", "figure"),
    *("b", "i", "em", "strong", "sub", "sup", "u", "s", "kbd", "figcaption", "img", "a"),
    *("ul", "ol", "li", "table", "thead", "tbody", "tr", "th", "td", "h1", "h2", "h3", "h4"),
}
LARGEST_TEXT = 100_000  # characters of one output or answer
MOST_TAGS = 5_000  # in a notebook: cleaning takes up to a millisecond for each


def sanitise(nb: NotebookNode) -> NotebookNode:
    """Makes a notebook harmless, in place; of its metadata, cells keep nbgrader's alone."""
    nb.metadata = NotebookNode()
    plain = sum(text.count("<") for text in _html(nb)) > MOST_TAGS
    for cell in nb.cells:
        own = {"nbgrader": cell.metadata["nbgrader"]} if "nbgrader" in cell.metadata else {}
        cell.metadata = NotebookNode(own)
        if cell.cell_type == "code":
            cell.outputs = [each for each in (_output(o, plain) for o in cell.outputs) if each]
        else:
            cell.source = sanitise_text(cell.source, plain=plain)
            _keep_pictures(cell)
    return nb


def sanitise_text(markdown: str, *, plain: bool = False) -> str:
    """Markdown whose HTML, if it holds any, cannot run, load or cover anything.

    Args:
        markdown: Whatever a learner wrote.
        plain: Show HTML as it was typed, which takes no time.
    """
    markdown = markdown[:LARGEST_TEXT].replace("```mermaid", "```text")  # drawn by a script
    if not TAG_LIKE.search(markdown):
        return markdown
    if plain or markdown.count("<") > MOST_TAGS:
        return html.escape(markdown, quote=False)
    return _cleaner().clean(markdown)


def _html(nb: NotebookNode) -> Iterator[str]:
    """All texts that may hold HTML."""
    for cell in nb.cells:
        if cell.cell_type != "code":
            yield cell.source
            continue
        for output in cell.outputs:
            yield str(output.get("data", {}).get("text/html", ""))


def as_typed(sanitised: str) -> str:
    """Undoes the escaping of `sanitise_text`, only for pages that escape all HTML themselves."""
    return html.unescape(sanitised)


def _output(output: NotebookNode, plain: bool) -> NotebookNode | None:
    if output.output_type == "stream":
        output.text = "".join(output.text)[:LARGEST_TEXT]
        return output
    if output.output_type == "error":
        output.traceback = [line[:LARGEST_TEXT] for line in output.traceback]
        return output
    data = {}
    for kind, value in output.get("data", {}).items():
        if kind in PICTURES and (picture := _picture(kind, value)):
            data[kind] = picture
        elif kind == "text/plain":
            data[kind] = str(value)[:LARGEST_TEXT]
        elif kind == "text/html" and not plain:  # without it, there is a text as a rule
            data[kind] = _cleaner().clean(str(value))
    output.data, output.metadata = NotebookNode(data), NotebookNode()
    return output if data else None


def _keep_pictures(cell: NotebookNode) -> None:
    """Keeps attachments that are pictures; the pages cannot be made if one is only mentioned."""
    attached = {}
    for name, bundle in cell.pop("attachments", {}).items():
        pictures = {kind: _picture(kind, value) for kind, value in bundle.items()}
        if kept := {kind: picture for kind, picture in pictures.items() if picture}:
            attached[name] = kept
    if attached:
        cell.attachments = NotebookNode(attached)

    def name_of(found: re.Match[str]) -> str:
        return found[0] if unquote(found[1]) in attached else f"missing:{found[1]}"

    cell.source = ATTACHED.sub(name_of, cell.source)


def _picture(kind: str, text: Any) -> str:
    """A picture in base64 as we write it, or nothing if it is none: pages take it verbatim."""
    try:
        raw = base64.b64decode("".join(str(text).split()), validate=True)
    except (binascii.Error, ValueError):
        return ""
    begins = PICTURES.get(kind)
    return base64.b64encode(raw).decode() if begins and raw.startswith(begins) else ""


def _allowed(tag: str, name: str, value: str) -> bool:
    if tag == "img" and name == "src":
        found = SOURCE.fullmatch(value)
        return bool(found and _picture(found[1], found[2]))
    if tag == "a" and name == "href":
        return value.startswith(("https://", "http://", "#"))
    return name in ("alt", "title", "colspan", "rowspan")


@cache
def _cleaner() -> bleach.Cleaner:
    return bleach.Cleaner(TAGS, attributes=_allowed, protocols=["http", "https", "data"])
