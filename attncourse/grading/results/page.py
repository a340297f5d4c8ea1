"""What feedback and report share: self-contained pages in which nothing can run."""

from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any

import mistune
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from attncourse.catalogue import gettext
from attncourse.exercises.core.messages import line

FOLDER = Path(__file__).parent / "pages"


def render(template: str, **context: Any) -> str:
    """A page from a template of `pages/`; every text in it is escaped unless it is `Markup`."""
    return _environment().get_template(template).render(**context)


def prose(markdown: str) -> Markup:
    """Markdown as HTML; HTML in it is shown as it was typed."""
    return Markup(str(_markdown(markdown)))


_markdown = mistune.create_markdown(escape=True, plugins=["table", "strikethrough"])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"line": line, "points": _points, "prose": prose, "time": _time}
    environment.globals["_"] = gettext
    environment.globals["css"] = Markup((FOLDER / "page.css").read_text(encoding="utf-8"))
    return environment


def _points(number: float) -> str:
    return f"{number:.1f}".removesuffix(".0")


def _time(iso: str) -> str:
    return f"{datetime.fromisoformat(iso):%Y-%m-%d %H:%M %Z}".strip()
