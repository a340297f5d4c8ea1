"""Learning rates over time."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from attncourse.training import warm_up_then_inverse_root


@given(dim=st.integers(1, 4096), warm_up=st.integers(1, 10_000), step=st.integers(1, 300_000))
def test_it_is_the_papers_learning_rate(dim, warm_up, step):
    greatest = (dim * warm_up) ** -0.5
    paper = dim**-0.5 * min(step**-0.5, step * warm_up**-1.5)
    ours = greatest * warm_up_then_inverse_root(warm_up)(step - 1)  # steps count from 0 here
    assert math.isclose(ours, paper, rel_tol=1e-9)


@given(warm_up=st.integers(1, 10_000))
def test_the_last_step_of_the_warm_up_is_the_greatest(warm_up):
    factor = warm_up_then_inverse_root(warm_up)
    assert factor(warm_up - 1) == 1
    assert factor(warm_up) < 1
    assert warm_up == 1 or factor(warm_up - 2) < 1


def test_a_warm_up_without_steps_is_refused():
    with pytest.raises(ValueError, match="positive number of steps, got 0"):
        warm_up_then_inverse_root(0)
