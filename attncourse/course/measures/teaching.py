"""What a lesson asks and gives: goals, exercises, hints, points, links, its card."""

import re
from collections import Counter
from collections.abc import Iterator

from attncourse.course.anatomy import DETAILS, DOTS, FENCE, LINK, Anatomy, words
from attncourse.course.card import ROWS, estimate_minutes, read_card, total_points
from attncourse.course.notebook import grade_id, is_answer, is_check, is_written, mark

LONGEST_RUN = 60  # CPU seconds
# A name that a person chose: nbgrader's own are `cell-` and a random number.
ITEM = re.compile(r"^\s*(?:[-*]|\d+\.)\s+(.+(?:\n +\S.*)*)", re.MULTILINE)
WHOLE_LINK = re.compile(r"\[[^\]]*\]\([^)]*\)")
ARXIV = re.compile(r"arxiv[:\s]*(\d{4}\.\d{4,5})", re.IGNORECASE)
CHOSEN_NAME = re.compile(r"(?!cell-[0-9a-f]{8,}$)[a-z][a-z0-9]*([-_][a-z0-9]+)*")


def goals(lesson: Anatomy) -> Iterator[str]:
    """Three to five things that the learner will be able to do."""
    section = lesson.section("You will be able to")
    items = ITEM.findall(section.text) if section else []
    if section and not 3 <= len(items) <= 5:
        yield f"{len(items)} items"


def exercise_count(lesson: Anatomy) -> Iterator[str]:
    """Four to six exercises."""
    if not 4 <= len(lesson.exercises) <= 6:
        yield f"{len(lesson.exercises)} exercises"


def exercise_order(lesson: Anatomy) -> Iterator[str]:
    """An exercise has an answer cell, then a free cell to try it, then its checks.

    What the learner is to look at may stand before the answer.
    """
    for exercise in lesson.exercises:
        roles = ["a" if is_answer(c) else "c" if is_check(c) else "t" for c in exercise.code]
        if not re.fullmatch("t*a+t+c+t*", "".join(roles)):
            yield f"'{exercise.title}' does not"


def hints(lesson: Anatomy) -> Iterator[str]:
    """An exercise has three hints, collapsed and each with a summary."""
    for exercise in lesson.exercises:
        found = DETAILS.findall(exercise.text)
        if len(found) != 3:
            yield f"'{exercise.title}' has {len(found)}"
        for hint in found:
            if re.match(r"<details[^>]*\bopen\b", hint) or "<summary>" not in hint:
                yield f"'{exercise.title}' has one that is open or has no summary"


def effort(lesson: Anatomy) -> Iterator[str]:
    """Exercises and stretch say what they ask, in a line of its own: ●●○ · 10 minutes."""
    stretch = lesson.section("Stretch")
    for task in [*lesson.exercises, *([stretch] if stretch else [])]:
        if task.effort is None:
            yield f"'{task.title}' does not"


def written_question(lesson: Anatomy) -> Iterator[str]:
    """The written question is one or two cells, graded by hand."""
    section = lesson.section("Written question")
    count = sum(map(is_written, section.cells)) if section else 0
    if section and not 1 <= count <= 2:
        yield f"{count} cells"


def stretch(lesson: Anatomy) -> Iterator[str]:
    """The stretch is left open: no hints, no points."""
    section = lesson.section("Stretch")
    if section and DETAILS.search(section.text):
        yield "it has hints"
    if section and any(mark(cell).get("grade") for cell in section.cells):
        yield "it gives points"


def further_reading(lesson: Anatomy) -> Iterator[str]:
    """Three to five sources to read on, each a link with a line that says why."""
    section = lesson.section("Further reading")
    items = ITEM.findall(section.text) if section else []
    if section and not 3 <= len(items) <= 5:
        yield f"{len(items)} sources"
    for item in items:
        if not LINK.search(item):
            yield f"no link: {item}"
        elif words(WHOLE_LINK.sub("", item)) < 4:
            yield f"no reason: {item}"


def grade_ids(lesson: Anatomy) -> Iterator[str]:
    """Every grade id is unique, and a name that somebody chose."""
    ids = [grade_id(cell) for cell in lesson.nb.cells if mark(cell)]
    for name, times in Counter(ids).items():
        if times > 1:
            yield f"'{name}' names {times} cells"
        if not CHOSEN_NAME.fullmatch(name):
            yield f"'{name}' is no name of small letters, digits, - and _"


def card(lesson: Anatomy) -> Iterator[str]:
    """The title card has all rows, and says what is true of the notebook."""
    found = read_card(lesson.nb)
    for row in ROWS:
        if not found.rows.get(row):
            yield f"the row '{row}' is missing"
    difficulty = found.rows.get("Difficulty", "")
    if difficulty and not DOTS.fullmatch(difficulty):
        yield f"'Difficulty' is one of ●○○, ●●○, ●●●, not {difficulty}"
    true = {"Points": total_points(lesson.nb), "Minutes": estimate_minutes(lesson.nb)}
    for row, value in true.items():
        said = found.number(row)
        if said is not None and said != value:
            yield f"'{row}' says {said:g}, and it is {value:g}; run attncourse rehearse"
    seconds = found.number("CPU time")
    if seconds is not None and not 0 < seconds <= LONGEST_RUN:
        yield f"it takes {seconds:g} s; at most {LONGEST_RUN} s are allowed"


def links(lesson: Anatomy) -> Iterator[str]:
    """Every link inside the course leads somewhere."""
    anchors = {f"#{section.title.replace(' ', '-')}" for section in lesson.sections}
    for index, cell in lesson.numbered("markdown"):
        for link in LINK.findall(cell.source):
            path, hash_sign, name = link.partition("#")
            if re.match(r"[a-z]+:", link):
                continue
            here = not path and f"{hash_sign}{name}" in anchors
            if not here and not (path and any((f / path).exists() for f in lesson.folders)):
                yield f"cell {index + 1} links to {link}"


def arxiv_numbers(lesson: Anatomy) -> Iterator[str]:
    """Every arXiv number is a link to its paper."""
    for index, cell in lesson.numbered("markdown"):
        text = FENCE.sub("", cell.source)
        linked = set(re.findall(r"\]\(https://arxiv\.org/abs/(\d{4}\.\d{4,5})", text))
        bare = set(ARXIV.findall(WHOLE_LINK.sub("", text)))
        bare |= set(ARXIV.findall(text)) - linked
        for number in sorted(bare):
            yield f"cell {index + 1} names {number}"


MEASURES = (
    goals,
    exercise_count,
    exercise_order,
    hints,
    effort,
    written_question,
    stretch,
    further_reading,
    grade_ids,
    card,
    links,
    arxiv_numbers,
)
