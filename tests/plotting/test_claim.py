"""Claims: what they store, when they hold, and that they never raise for a network's sake."""

import json

import numpy as np
import pytest
import torch

from attncourse.plotting import CLAIM_MIME
from attncourse.plotting.claim import Claim


def judged(values, at_least=None, at_most=None):
    bundle = Claim("it reads", values, at_least, at_most)._repr_mimebundle_()
    json.dumps(bundle, allow_nan=False)
    return bundle[CLAIM_MIME]


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        (0.9, {"at_least": 0.5}),
        ([0.9, 0.5], {"at_least": 0.5}),
        (torch.tensor([[0.1], [0.4]]), {"at_most": 0.5}),
        (np.float32(0.3), {"at_least": 0.1, "at_most": 0.5}),
        (3, {"at_least": 3}),
        (True, {}),
        ([True, True], {}),
        (np.bool_(True), {}),
        (torch.tensor([True, True]), {}),
    ],
)
def test_a_claim_holds_of_all_its_values(values, bounds):
    assert judged(values, **bounds)["held"]


@pytest.mark.parametrize(
    ("values", "bounds"),
    [
        ([0.9, 0.4], {"at_least": 0.5}),
        (torch.tensor([0.1, 0.6]), {"at_most": 0.5}),
        (0.05, {"at_least": 0.1, "at_most": 0.5}),
        (float("nan"), {"at_least": 0.5}),
        (float("inf"), {"at_least": 0.5}),
        ([], {"at_least": 0.5}),
        (False, {}),
        ([True, False], {}),
        (torch.tensor([False]), {}),
    ],
)
def test_a_claim_fails_by_any_of_its_values_or_without_one(values, bounds):
    assert not judged(values, **bounds)["held"]


def test_values_and_bounds_are_stored():
    assert judged(torch.tensor([0.25, float("nan")]), at_least=0.1) == {
        "claim": "it reads",
        "held": False,
        "values": [0.25, None],
        "at least": 0.1,
    }


@pytest.mark.parametrize(
    ("sentence", "values", "at_least"),
    [(" ", 0.9, 0.5), ("it reads", 0.9, None), ("it reads", True, 0.5), ("it reads", 1, None)],
)
def test_what_its_author_got_wrong_is_refused(sentence, values, at_least):
    with pytest.raises(ValueError):
        Claim(sentence, values, at_least, None)


def test_a_claim_that_does_not_hold_is_shown_as_the_run_s_and_escaped():
    bundle = Claim("<b> reads", [0.2], 0.5, None)._repr_mimebundle_()
    assert "Did not hold on this run" in bundle["text/html"]
    assert "&lt;b&gt; reads" in bundle["text/html"]
    assert bundle["text/plain"].startswith("✗")
