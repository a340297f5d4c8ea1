"""The claims of lessons can fail: planted faults, and the tool that plants them and moves seeds."""

import os
from datetime import date

import pytest
from nbformat.v4 import new_code_cell

from attncourse.course.measures.claims import claims
from attncourse.course.notebook import read
from attncourse.course.places import locate
from benchmarks.claims import Row, move_seeds, plant, table_of_faults
from benchmarks.faults import FAULTS, faults

COURSE = locate()
LESSONS = [each for each in COURSE.solved() if claims(read(COURSE.solution(each)).cells)]


@pytest.mark.slow
def test_every_claim_of_the_day_s_lesson_can_fail_and_every_fault_is_noticed() -> None:
    day = date.fromisoformat(os.environ["ATTNCOURSE_DAY"])
    lines, passed = table_of_faults(COURSE, LESSONS[day.toordinal() % len(LESSONS)])
    assert passed, "\n".join(lines)


@pytest.mark.parametrize("lesson", LESSONS, ids=lambda lesson: lesson.name)
def test_a_lesson_with_claims_has_faults_that_fit_it(lesson) -> None:
    assert FAULTS.get(lesson.slug)
    for fault in faults(lesson.slug).values():
        cells = [each for each in read(COURSE.solution(lesson)).cells if each.cell_type == "code"]
        plant(cells, fault)


@pytest.mark.parametrize(
    ("source", "moved"),
    [
        ("seeds = range(3)", "seeds = [100, 101, 102]"),
        ("seeds = [7, 9]  # ä", "seeds = [107, 109]  # ä"),
        ("ä, seeds = 'ä', range(\n    20, 22\n)\nx = 1", "ä, seeds = 'ä', [120, 121]\nx = 1"),
    ],
)
def test_seeds_are_moved_where_they_are_named(source: str, moved: str) -> None:
    cells = [new_code_cell("x = 1"), new_code_cell(source)]
    move_seeds(cells, 100)
    assert [cell.source for cell in cells] == ["x = 1", moved]


@pytest.mark.parametrize("sources", [["x = 1"], ["seeds = range(3)", "seeds = [1]"]])
def test_seeds_in_no_place_or_two_are_refused(sources: list[str]) -> None:
    with pytest.raises(ValueError, match="not in one"):
        move_seeds([new_code_cell(source) for source in sources], 100)


def test_a_fault_that_does_not_fit_is_refused() -> None:
    with pytest.raises(ValueError, match="the lesson has no 'y'"):
        plant([new_code_cell("x = 1")], {"y": "z"})


def test_the_worst_value_is_the_one_nearest_to_a_bound_or_beyond() -> None:
    row = Row([0.5, 0.7], {"at least": 0.4, "at most": 0.8})
    assert row.worst() == "0.5 (at least 0.4), 0.7 (at most 0.8)"
    assert Row([1, 0, 1]).worst() == "2 of 3 true"
    assert Row([0.5, None], {"at least": 0.4}).worst() == "nothing"
