"""What all tests share."""

import pytest
import torch
from hypothesis import settings

# One thread: on a busy machine several only wait for each other.
torch.set_num_threads(1)

# No deadline: the first example of a test pays for what torch sets up on first use.
settings.register_profile("attncourse", deadline=None)
settings.load_profile("attncourse")


def pytest_collection_modifyitems(items):
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="there is no CUDA device"))
