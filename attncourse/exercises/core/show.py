"""Show a verdict: text in a terminal, and beside it a page with weight and colour in a notebook."""

import html
import re
import sys
from collections.abc import Iterable

from attncourse.catalogue import ngettext
from attncourse.exercises.core import messages
from attncourse.exercises.core.reason import Reason, reason
from attncourse.exercises.core.verdict import Finding, Outcome, Verdict

#: Sentences are written with Markdown's marks for code and emphasis, and no others.
CODE = re.compile(r"`([^`]+)`")
EMPHASIS = re.compile(r"(?<![\w*])\*(?=\S)([^*`]+?)(?<=\S)\*(?![\w*])")

#: Blue and vermilion, which colour-blind people tell apart too.
GOOD, BAD = "#0072b2", "#d55e00"


class Shown:
    """What a check shows of a verdict.

    Args:
        verdict: what was found.
        every: whether each behaviour has its line; otherwise what holds is counted.
    """

    def __init__(self, verdict: Verdict, *, every: bool = False) -> None:
        self.verdict, self.every = verdict, every

    def __repr__(self) -> str:
        """The first thing first: what it is worth, or what is wrong."""
        lines = [self._first(), *map(messages.line, self._listed())]
        if folded := self._folded():
            lines.append(folded)
        return plain("\n".join(lines))

    def _repr_mimebundle_(self, **_: object) -> dict[str, str]:
        return {"text/plain": repr(self), "text/html": self._page()}

    def _first(self) -> str:
        verdict = self.verdict
        if not verdict.passed:
            return messages.diagnosis(verdict)
        values = {"exercise": verdict.exercise, "points": verdict.points}
        return messages.sentence(reason("passed", **values, title=self._interest()))

    def _interest(self) -> Reason:
        """What is worth knowing of a right answer: the last law that it obeys, else what it is."""
        first, *rest = self.verdict.findings
        laws = [each for each in rest if each.held and each.behaviour.startswith("law-")]
        return (laws[-1] if laws else first).title

    def _listed(self) -> list[Finding]:
        """What has a line of its own."""
        return [each for each in self.verdict.findings if self.every or each.failed]

    def _rest(self) -> list[Finding]:
        return [each for each in self.verdict.findings if each not in self._listed()]

    def _folded(self) -> str:
        """How many behaviours have no line, if an answer failed; who passed needs no number."""
        if self.verdict.passed:
            return ""
        rest = self._rest()
        held = sum(each.held for each in rest)
        open_ = sum(each.outcome is Outcome.NOT_JUDGED for each in rest)
        counted = [
            held and ngettext("{number} more holds", "{number} more hold", held),
            open_ and ngettext("{number} is not judged yet", "{number} are not judged yet", open_),
        ]
        said = "; ".join(str(each) for each in counted if each)
        return f"({said})" if said else ""

    def _page(self) -> str:
        colour = GOOD if self.verdict.passed else BAD
        lines = [f"<strong>{marked(self._first())}</strong>", *map(_row, self._listed())]
        if rest := self._rest():
            said = self._folded().strip("()") or ngettext(
                "the one thing that was looked at", "all {number} that hold", len(rest)
            )
            rows = "".join(map(_row, rest))
            lines.append(f"<details><summary>{html.escape(said)}</summary>{rows}</details>")
        style = f"border-left: 3px solid {colour}; padding-left: 0.6em"
        return f'<div style="{style}">{"".join(lines)}</div>'


def show(verdict: Verdict, *, every: bool = False) -> None:
    """Display a verdict in a notebook, print it elsewhere."""
    shown = Shown(verdict, every=every)
    if in_notebook():
        from IPython.display import display  # a terminal needs no IPython

        display(shown)  # type: ignore[no-untyped-call]
    else:
        print(shown)


def in_notebook() -> bool:
    """Whether outputs can be more than text."""
    ipython = sys.modules.get("IPython")
    return ipython is not None and hasattr(ipython.get_ipython(), "kernel")


def plain(text: str) -> str:
    """A sentence without marks of emphasis; code keeps its marks, which set it apart."""
    return "".join(part if inside else EMPHASIS.sub(r"\1", part) for inside, part in _by_code(text))


def marked(text: str) -> str:
    """A sentence as HTML."""
    return "".join(
        f"<code>{html.escape(part[1:-1])}</code>"
        if inside
        else EMPHASIS.sub(r"<em>\1</em>", html.escape(part))
        for inside, part in _by_code(text)
    )


def _by_code(text: str) -> Iterable[tuple[bool, str]]:
    """The parts of a text, code and other in turn."""
    end = 0
    for found in CODE.finditer(text):
        yield False, text[end : found.start()]
        yield True, found.group()
        end = found.end()
    yield False, text[end:]


def _row(finding: Finding) -> str:
    colour = f' style="color: {BAD}"' if finding.failed else ""
    return f"<div{colour}>{marked(messages.line(finding))}</div>"
