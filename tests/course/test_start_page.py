"""The start page leads to every lesson that is there."""

import re

from attncourse.course.notebook import dumps, read, write_file
from attncourse.course.places import Course
from attncourse.course.release import release
from attncourse.course.start_page import START_PAGE, start_page
from attncourse.course.syllabus import LESSONS, Lesson


def test_links_lead_to_lessons_and_others_are_to_come(course: Course, lesson: Lesson) -> None:
    release(course)
    page = (course.notebooks / START_PAGE).read_text(encoding="utf-8")
    links = set(re.findall(r"\]\(([^)#]+)\)", page))
    assert links == {f"{lesson.name}/{lesson.name}.ipynb"}
    assert all((course.notebooks / link).is_file() for link in links)
    assert page.count("to come") == len(LESSONS) - 1
    assert f"`attncourse check {lesson.name}`" in page


def test_figures_come_from_the_lesson(course: Course, lesson: Lesson) -> None:
    assert "| 0 | 5 |" in start_page(course)
    nb = read(course.solution(lesson))
    nb.cells[0].source = nb.cells[0].source.replace("| Minutes | 0 |", "| Minutes | 40 |")
    write_file(course.solution(lesson), dumps(nb).encode())
    assert "| 40 | 5 |" in start_page(course)


def test_inner_links_lead_to_headings(course: Course) -> None:
    page = start_page(course)
    headings = {each.replace(" ", "-") for each in re.findall(r"^#+ (.+)$", page, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", page)) <= headings
