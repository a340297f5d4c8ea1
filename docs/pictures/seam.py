"""The seam of a check: what the learner's process sees, and what it never does."""

from itertools import pairwise

from docs.pictures.svg import GAP, Picture


def draw() -> Picture:
    """From the exercise to the verdict, with the learner's answer in between."""
    picture = Picture(
        "An exercise draws a probe. The learner's process answers it with a response of plain "
        "tensors. The judge, outside of it, compares with the oracle and gives a verdict.",
        1012,
        368,
    )
    picture.frame(16, 16, 996, 222, "trusted")
    picture.frame(382, 240, 622, 352, "the learner's process", "#cf222e")
    size = (184, 74)
    exercise = picture.box(
        122, 116, "exercise", "what is asked;", "draws from a seed", fill="lessons"
    )
    probe = picture.box(312, 116, "probe", "inputs and weights", "as tensors", fill="ground")
    oracle = picture.box(502, 116, "oracle", "the right response,", "and the known wrong ones",
                         fill="lessons", size=size)  # fmt: skip
    judge = picture.box(706, 116, "judge", "compares, holds laws,", "names the mistake",
                        fill="lessons")  # fmt: skip
    verdict = picture.box(896, 116, "verdict", "passed, or a diagnosis", fill="ground")
    answer = picture.box(502, 304, "answer", "the learner's function", "or module", fill="learner",
                         size=size)  # fmt: skip
    response = picture.box(706, 304, "response", "tensors or a typed error,", "never a pickle",
                           fill="ground")  # fmt: skip
    for left, right in pairwise((exercise, probe, oracle, judge, verdict)):
        picture.across(left, right)
    picture.line(probe.x, probe.bottom, probe.x, answer.y, answer.left - GAP, answer.y)
    picture.across(answer, response)
    picture.line(response.x, response.top, response.x, judge.bottom + GAP)
    return picture
