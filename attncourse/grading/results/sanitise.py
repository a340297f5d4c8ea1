"""Notebooks of learners made harmless for the pages that an instructor or another learner opens.

A cell's outputs, its text and the notebook's metadata all become HTML in formgrader and in
feedback, some of it verbatim. What stays: plain text, pictures that are pictures, and HTML without
anything that could run, load or cover something.
"""

import base64
import binascii
import html
import re
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


def harmless(nb: NotebookNode) -> NotebookNode:
    """Makes a notebook harmless, in place; of its metadata, cells keep nbgrader's alone."""
    nb.metadata = NotebookNode()
    for cell in nb.cells:
        own = {"nbgrader": cell.metadata["nbgrader"]} if "nbgrader" in cell.metadata else {}
        cell.metadata = NotebookNode(own)
        if cell.cell_type == "code":
            cell.outputs = [each for each in map(_output, cell.outputs) if each]
        else:
            cell.source = harmless_text(cell.source)
            _keep_pictures(cell)
    return nb


def harmless_text(markdown: str) -> str:
    """Markdown whose HTML, if it holds any, cannot run, load or cover anything."""
    markdown = markdown[:LARGEST_TEXT].replace("```mermaid", "```text")  # drawn by a script
    return _cleaner().clean(markdown) if TAG_LIKE.search(markdown) else markdown


def as_typed(harmless: str) -> str:
    """Undoes the escaping of `harmless_text`, only for pages that escape all HTML themselves."""
    return html.unescape(harmless)


def _output(output: NotebookNode) -> NotebookNode | None:
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
        elif kind == "text/html":
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
