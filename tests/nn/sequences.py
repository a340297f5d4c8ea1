"""What the tests of the Transformer's mechanisms share.

Weights are moved away from their initial values: zero biases hide most errors.
"""

import torch
from hypothesis import strategies as st
from torch import nn

B, T, S = 2, 5, 7
SEEDS = st.integers(0, 2**31 - 1)
SIZES = st.sampled_from(
    [{"dim": dim, "heads": heads} for dim, heads in ((6, 1), (12, 3), (10, 5), (22, 11))]
)
MASKS = ["none", "padding", "causal", "both", "full"]


def shaken(module, dtype=torch.float64):
    """In double precision, in eval mode, and with every parameter off its initial value."""
    for parameter in module.parameters():
        nn.init.normal_(parameter, std=0.3)
    return module.to(dtype).eval()


def draw(*shape, dtype=torch.float64):
    return torch.randn(shape, dtype=dtype)


def padding(length, batch=B):
    """True for real tokens: the first row is whole, the others get shorter."""
    return torch.arange(length) < length - torch.arange(batch)[:, None]


def masks_of(kind, targets, sources):
    """A mask as we say it, and the same as (B, T, S)."""
    whole = torch.ones(B, targets, sources, dtype=torch.bool)
    full = torch.rand(B, targets, sources) < 0.6
    full[..., 0] = True  # fully masked rows have a test of their own
    mask = {"padding": padding(sources), "both": padding(sources), "full": full}.get(kind)
    causal = kind in ("causal", "both")
    explicit = whole if mask is None else mask[:, None] & whole if mask.dim() == 2 else mask
    return {"mask": mask, "causal": causal}, explicit.tril(
        sources - targets
    ) if causal else explicit


def gradients(output, *inputs):
    return torch.autograd.grad((output * output.detach().cos()).sum(), inputs)
