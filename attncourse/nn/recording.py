"""Seeing where a network attends, without a word about it in the network."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from attncourse.nn.multihead import MultiHeadAttention


@contextmanager
def record_weights(network: nn.Module) -> Iterator[dict[str, Tensor]]:
    """Collect the weights of every `MultiHeadAttention` in a network while it runs.

    The dictionary fills as attentions run: their names in the network, and the weights
    (B, h, T, S) of their latest run.

        with record_weights(model) as weights:
            model(source, target)
        weights["decoder.0.cross_attention"]
    """
    weights: dict[str, Tensor] = {}

    def ask(_: nn.Module, args: Any, kwargs: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        return args, {**kwargs, "return_weights": True}

    def keeper(name: str) -> Any:
        def keep(_: nn.Module, args: Any, output: tuple[Tensor, Tensor]) -> None:
            weights[name] = output[1].detach()

        return keep

    hooks = []
    for name, module in network.named_modules():
        if isinstance(module, MultiHeadAttention):
            hooks.append(module.register_forward_pre_hook(ask, with_kwargs=True))
            hooks.append(module.register_forward_hook(keeper(name)))
    try:
        yield weights
    finally:
        for hook in hooks:
            hook.remove()
