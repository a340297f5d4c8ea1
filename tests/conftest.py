"""What all tests share."""

import os
from collections import Counter

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


def pytest_collection_modifyitems(config, items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))
    if hasattr(config, "workerinput"):
        items.sort(key=_longest_file_first(items))


def _longest_file_first(items):
    """Return a key by which processes that share the files come to their ends at about one time.

    Long are notebooks and slow tests; a process that began one last would keep the others waiting.
    """
    files = Counter(item.path for item in items)
    slow = Counter(
        item.path
        for item in items
        if item.path.suffix == ".ipynb" or item.get_closest_marker("slow")
    )
    return lambda item: (-slow[item.path], -files[item.path], str(item.path))
