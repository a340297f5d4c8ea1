import pytest
import torch
from torch import nn

from attncourse.training import adam, adamw, sgd


@pytest.mark.parametrize(
    ("ours", "plain", "options"),
    [
        (adam, torch.optim.Adam, {"betas": (0.9, 0.98), "eps": 1e-9}),
        (adamw, torch.optim.AdamW, {"weight_decay": 0.3}),
        (sgd, torch.optim.SGD, {"weight_decay": 0.3, "momentum": 0.9}),
    ],
)
def test_a_fused_optimizer_steps_as_the_plain_one(ours, plain, options):
    mine, other = (nn.Parameter(torch.tensor([1.0, -2.0, 3.0])) for _ in range(2))
    given = {name: value for name, value in options.items() if name != "momentum"}
    for optimizer, x in (
        (ours([mine], 0.1, **given), mine),
        (plain([other], 0.1, **options), other),
    ):
        for step in range(5):
            optimizer.zero_grad()
            ((x - step) ** 2).sum().backward()
            optimizer.step()
    assert not torch.equal(mine, torch.tensor([1.0, -2.0, 3.0]))
    torch.testing.assert_close(mine, other)
