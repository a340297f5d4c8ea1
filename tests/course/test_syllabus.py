"""Lessons have one list, and are found by any of their names."""

from pathlib import Path

import pytest

from attncourse.course import places
from attncourse.course.places import Course, locate
from attncourse.course.syllabus import LESSONS, Lesson, find, parts


def test_numbers_and_slugs_are_unique_and_in_order() -> None:
    assert [lesson.number for lesson in LESSONS] == sorted({x.number for x in LESSONS})
    assert len({lesson.slug for lesson in LESSONS}) == len(LESSONS)


def test_a_lesson_needs_only_lessons_before_it() -> None:
    for lesson in LESSONS:
        assert all(find(slug).number < lesson.number for slug in lesson.needs)


def test_parts_hold_every_lesson_once() -> None:
    grouped = [lesson for part in parts().values() for lesson in part]
    assert sorted(grouped, key=LESSONS.index) == list(LESSONS)


@pytest.mark.parametrize("name", ["1", "01", "bahdanau", "01-bahdanau", " Bahdanau "])
def test_a_lesson_has_several_names(name: str) -> None:
    assert find(name).name == "01-bahdanau"


@pytest.mark.parametrize(
    ("name", "near"), [("bahdnau", "01-bahdanau"), ("06-es", "06-se"), ("transformers", "04-tr")]
)
def test_an_unknown_name_gets_the_nearest(name: str, near: str) -> None:
    with pytest.raises(ValueError, match=f"did you mean.*{near}"):
        find(name)


def test_a_name_near_to_nothing_gets_an_example() -> None:
    with pytest.raises(ValueError, match="06-se is, for instance"):
        find("?")


def test_a_course_is_found_from_inside(course: Course, lesson: Lesson) -> None:
    assert locate(course.solution(lesson).parent) == course
    assert course.solved() == [lesson]
    assert course.released() == []


def test_a_folder_of_other_notebooks_is_no_course(
    course: Course, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notebooks").mkdir()
    monkeypatch.setattr(places, "CHECKOUT", tmp_path)
    with pytest.raises(ValueError, match="no course in or above"):
        locate(tmp_path)
    monkeypatch.setattr(places, "CHECKOUT", course.root)
    assert locate(tmp_path) == course


def test_a_learner_names_a_lesson_a_folder_or_a_file(course: Course, lesson: Lesson) -> None:
    folder = course.solution(lesson).parent
    assert course.learner_notebook(str(folder)) == course.solution(lesson)
    assert course.learner_notebook(str(course.solution(lesson))) == course.solution(lesson)
    with pytest.raises(ValueError, match="00-attention is still to come; lessons here: none yet"):
        course.learner_notebook("attention")
    with pytest.raises(ValueError, match=r"there is no notebook missing\.ipynb"):
        course.learner_notebook("missing.ipynb")


def test_lessons_are_selected_by_name_or_all_at_once(course: Course, lesson: Lesson) -> None:
    assert course.select([]) == course.select(["0"]) == [lesson]
    with pytest.raises(ValueError, match="06-se has no solution"):
        course.select(["se"])


def test_without_solutions_there_is_nothing_to_select(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="this needs the repository"):
        Course(tmp_path).select([])
