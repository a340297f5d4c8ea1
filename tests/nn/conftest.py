"""What the tests of mechanisms share.

A mechanism is tested away from its initial values: a gamma, a last layer or a scalar that starts at
zero makes most wrong implementations equal to the right one.
"""

import pytest
import torch
from torch import Tensor, nn


@pytest.fixture(scope="session")
def randomise():
    """`randomise(module, seed)` draws every weight, bias, norm statistic and scalar anew."""

    @torch.no_grad()
    def draw(module: nn.Module, seed: int) -> nn.Module:
        generator = torch.Generator().manual_seed(seed)
        for name, value in module.state_dict().items():  # shares memory with the module
            if not value.is_floating_point():
                continue  # how many batches a norm has seen
            if name.endswith("running_var"):
                value.uniform_(0.5, 2, generator=generator)
            elif value.dim() < 2:
                value.normal_(0.3, 0.7, generator=generator)
            else:
                value.normal_(0, value[0].numel() ** -0.5, generator=generator)
        return module

    return draw


@pytest.fixture(scope="session")
def features():
    """`features(shape, seed)` draws float64 maps (B, C, H, W) with another offset in each channel.

    Without the offsets, averages are near zero, hidden units are dead and errors do not show.
    """

    def draw(shape: tuple[int, int, int, int], seed: int) -> Tensor:
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(shape, dtype=torch.float64, generator=generator)
        offset = torch.randn((1, shape[1], 1, 1), dtype=torch.float64, generator=generator)
        return noise + 2 * offset

    return draw
