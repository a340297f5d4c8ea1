"""What all tests share."""

import os

import pytest
import torch
from hypothesis import settings

# One thread: on a busy machine several only wait for each other.
torch.set_num_threads(1)

# No deadline: the first example of a test pays for what torch sets up on first use.
settings.register_profile("attncourse", deadline=None)
settings.load_profile("attncourse")


@pytest.fixture(autouse=True)
def _pythons_own_variables_stay():
    """What one test leaves in them would decide how the processes of all later ones start."""
    before = _pythons_own_variables()
    yield
    assert _pythons_own_variables() == before


def _pythons_own_variables():
    return {name: value for name, value in os.environ.items() if name.startswith("PYTHON")}


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))
