"""The optimizers that recipes choose from; each changes all parameters in one fused operation."""

from collections.abc import Iterable

import torch
from torch import nn
from torch.optim import Optimizer


def adam(
    parameters: Iterable[nn.Parameter],
    lr: float,
    *,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> Optimizer:
    """Make Adam (Kingma and Ba 2015)."""
    return torch.optim.Adam(parameters, lr=lr, betas=betas, eps=eps, fused=True)


def adamw(parameters: Iterable[nn.Parameter], lr: float, *, weight_decay: float) -> Optimizer:
    """Make an Adam that shrinks weights apart from gradients (Loshchilov and Hutter 2019)."""
    return torch.optim.AdamW(parameters, lr=lr, weight_decay=weight_decay, fused=True)


def sgd(parameters: Iterable[nn.Parameter], lr: float, *, weight_decay: float) -> Optimizer:
    """Make gradient descent with a momentum of 0.9, usual in training networks for images."""
    return torch.optim.SGD(parameters, lr=lr, momentum=0.9, weight_decay=weight_decay, fused=True)
