"""Whatever an answer does, there is a verdict, in time, and nothing leaks into the notebook."""

import itertools
import logging
import os
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib import pyplot
from torch import nn

from attncourse.exercises import bahdanau
from attncourse.exercises.core import ExerciseFailed, Outcome, Verdict
from attncourse.exercises.core.isolation import PATIENCE
from attncourse.exercises.core.messages import diagnosis

CONTEXT = replace(bahdanau.context_vector, seconds=1.0)


def right(weights, annotations):
    return torch.einsum("bs,bsd->bd", weights, annotations)


def sentence(answer) -> str:
    verdict = CONTEXT.examine(answer)
    assert isinstance(verdict, Verdict)
    assert not verdict.passed
    return diagnosis(verdict)


def endless(w, h):
    while True:
        pass


def stubborn(w, h):
    while True:
        try:
            while True:
                pass
        except Exception:  # the learner's own handler must not swallow the limit
            continue


def deep(w, h):
    return deep(w, h)


def leaves(w, h):
    sys.exit(0)


def in_float32(w, h):
    return right(w, h).float()


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (lambda: None, "TypeError"),
        (lambda w, h: None, "is a `return` missing?"),
        (lambda w, h: (right(w, h), w), "should be a torch.Tensor, got a tuple of 2"),
        (lambda w, h: right(w, h).detach().numpy(), "got a numpy.ndarray"),
        (lambda w, h: 3.0, "got a float"),
        (in_float32, "dtype float32, the inputs have float64"),
        (lambda w, h: right(w, h) * torch.nan, "is NaN at"),
        (lambda w, h: right(w, h).to("meta"), "is on the device meta"),
        (lambda w, h: torch.empty(1).expand(1 << 20, 1 << 12), "far too large"),
        (lambda w, h: torch.empty(1 << 62), "raised RuntimeError"),
        (lambda w, h: h @ w, "raised RuntimeError"),
        (lambda w, h: {}["lost"], "raised KeyError"),
        (lambda w, h: right(w, h)[:, :3], "has the shape (3, 3), expected (3, 7)"),
        (endless, "loop that never ends"),
        (stubborn, "loop that never ends"),
        (lambda w, h: time.sleep(60), "loop that never ends"),
        (deep, "RecursionError"),
        (leaves, "SystemExit"),
        (None, "Expected a function, got None"),
        ("context", "Expected a function, got a str"),
        (nn.Identity(), "TypeError"),
        (lambda w, h: torch.rand(len(w), h.shape[2]), "dtype float32"),
    ],
)
def test_hostile_answers_get_a_verdict(answer, says) -> None:
    started = time.monotonic()
    assert says in sentence(answer)
    assert time.monotonic() - started < 60


def test_an_endless_answer_costs_one_time_limit_not_one_a_probe() -> None:
    started = time.monotonic()
    spent = time.process_time()
    sentence(endless)
    assert time.process_time() - spent < 3 * CONTEXT.seconds
    assert time.monotonic() - started < 2 * PATIENCE * CONTEXT.seconds


def test_a_stub_is_known_by_what_it_does() -> None:
    def stub(w, h):
        raise NotImplementedError("not solved yet")

    def other_text(w, h):
        raise NotImplementedError("à faire")

    def operation(w, h):  # torch raises it of its own, too
        return torch.sparse_coo_tensor(size=(2, 2)).conj_physical().expand(3, 2, 2) @ h

    for unwritten in (stub, other_text):
        verdict = CONTEXT.examine(unwritten)
        assert verdict.outcome is Outcome.UNWRITTEN
        assert "not written yet" in diagnosis(verdict)
    assert CONTEXT.examine(operation).outcome is Outcome.RAISED
    assert CONTEXT.examine(nn.Module()).outcome is Outcome.RAISED
    assert "raise NotImplementedError" in Path("nbgrader_config.py").read_text(encoding="utf-8")


def test_noise_does_not_leak(capfd, recwarn) -> None:
    handler = logging.StreamHandler(sys.stderr)  # made before the check, as in an earlier cell
    log = logging.getLogger("learner")
    log.addHandler(handler)

    def noisy(w, h):
        print("x" * 1_000_000)
        warnings.warn("beware", stacklevel=1)
        log.warning("logged")
        print("to stderr", file=sys.stderr)
        os.write(2, b"from C++")
        return right(w, h)

    CONTEXT.check(noisy)
    log.removeHandler(handler)
    written = capfd.readouterr()
    assert written.err == ""
    assert "xxx" not in written.out
    assert written.out.startswith("✓ context_vector: 2 of 2 points – ")
    assert not recwarn.list
    print("heard", file=sys.stderr)
    assert capfd.readouterr().err == "heard\n"


def test_figures_left_open_are_closed() -> None:
    mine = pyplot.figure()

    def draws(w, h):
        pyplot.figure()
        return right(w, h)

    CONTEXT.check(draws)
    assert pyplot.get_fignums() == [mine.number]
    pyplot.close(mine)


def test_in_place_changes_are_named() -> None:
    def spoils(w, h):
        result = right(w, h)
        with torch.no_grad():
            h.mul_(2)
        return result

    assert "changes its input `annotations` in place" in sentence(spoils)


def test_randomness_is_named_and_the_notebook_keeps_its_own() -> None:
    calls = itertools.count()

    def forgetful(w, h):
        return right(w, h) + next(calls)

    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    sentence(lambda w, h: right(w, h) + torch.rand(1).double())
    assert torch.equal(torch.rand(3), expected)
    verdict = CONTEXT.examine(forgetful)
    assert next(f for f in verdict.findings if f.behaviour == "repeats").failed


ANNOTATIONS = torch.zeros(1)


def test_tensors_of_other_cells_are_named() -> None:
    def leaning(w, h):
        return right(w, h) + ANNOTATIONS.to(h.dtype)

    assert "reads `ANNOTATIONS` from another cell" in sentence(leaning)


def test_a_fixed_device_is_named() -> None:
    def fixed(w, h):
        return right(w, h) + torch.zeros(h.shape[2], device="cpu", dtype=h.dtype)

    assert "fixed device" in sentence(fixed)


def test_numpy_on_the_way_cuts_the_gradient() -> None:
    def through_numpy(w, h):
        return (
            torch.from_numpy(np.einsum("bs,bsd->bd", w.detach().numpy(), h.detach().numpy()))
            + 0 * h.sum()
        )

    assert "No gradient reaches `weights`" in sentence(through_numpy)


def test_the_courses_implementation_is_refused() -> None:
    from attncourse.functional import additive_score, masked_softmax

    def borrowed(scores, mask):
        return masked_softmax(scores, mask)

    def swallowed(scores, mask):
        try:
            return masked_softmax(scores, mask)
        except BaseException:
            return scores

    for answer in (masked_softmax, borrowed, swallowed):
        verdict = bahdanau.masked_softmax.examine(answer)
        assert verdict.outcome is Outcome.REFUSED
    assert not bahdanau.additive_score.examine(additive_score).passed


def test_torchs_softmax_is_refused_where_the_exercise_says_so() -> None:
    for answer in (
        lambda s, m: torch.softmax(s, -1),
        lambda s, m: s.softmax(-1),
        lambda s, m: torch.nn.functional.softmax(s, -1),
        lambda s, m: nn.Softmax(-1)(s),
    ):
        assert "calls torch's softmax" in diagnosis(bahdanau.masked_softmax.examine(answer))


def test_the_failure_is_an_assertion_with_the_diagnosis_alone() -> None:
    with pytest.raises(AssertionError) as failure:
        CONTEXT.check(lambda w, h: h.mean(1))
    assert isinstance(failure.value, ExerciseFailed)
    assert "plain mean" in str(failure.value)
    assert failure.value._render_traceback_() == ["ExerciseFailed: see above"]
    with pytest.raises(ExerciseFailed) as hidden:  # shows nothing before it
        CONTEXT.examine(lambda w, h: h.mean(1)).raise_if_failed()
    assert hidden.value._render_traceback_() == [f"ExerciseFailed: {failure.value}"]
