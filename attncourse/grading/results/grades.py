"""`grades.csv`: the table that learning management systems import."""

import csv
import io
from collections.abc import Mapping

from attncourse.grading.plan import Plan
from attncourse.grading.record import Record
from attncourse.grading.results.gradebook import Total

FORMULA = ("=", "+", "-", "@", "\t", "\r")


def grades_csv(plan: Plan, records: Mapping[str, Record], totals: Mapping[str, Total]) -> str:
    """A row for every student: points as they stand in the gradebook, people's grades included.

    Args:
        plan: What the lesson asks.
        records: By student.
        totals: By student, from the gradebook.

    Returns:
        CSV with a header: student, lesson, status, submitted, score, possible, late_penalty
        (only if somebody has one), needs_manual_grade, a column for every graded cell (empty where
        a person has to decide and has not), note.
    """
    # Zeros would say that being late was judged, where it may cost nothing.
    late = any(totals[student].penalty for student in records)
    cells = [each.grade_id for each in plan.graded]
    table = io.StringIO()
    writer = csv.writer(table)
    head = ["student", "lesson", "status", "submitted", "score", "possible"]
    head += ["late_penalty"] if late else []
    writer.writerow([*head, "needs_manual_grade", *cells, "note"])
    for student, record in sorted(records.items()):
        total = totals[student]
        row = [student, record.lesson, record.status, record.submitted]
        numbers = [total.score, total.possible, *([total.penalty] if late else [])]
        row += [f"{number:g}" for number in numbers]
        row += ["yes" if total.waits else "no"]
        row += [_number(total.cells.get(cell)) for cell in cells]
        writer.writerow([_inert(each) for each in [*row, record.reason]])
    return table.getvalue()


def _number(points: float | None) -> str:
    return "" if points is None else f"{points:g}"


def _inert(text: str) -> str:
    """Keep a spreadsheet from taking a text that a learner chose for a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
