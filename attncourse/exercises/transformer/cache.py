"""Writing one symbol at a time: keys and values of the past are kept, not computed again."""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, Outputs, edit, wrong
from attncourse.exercises.core.laws import tensor


def _inputs(draw: Draw) -> Inputs:
    batch, length, width = draw.sizes((2, 13, 7), (3, 4, 5))
    return {
        "x": draw.normal(batch, length, width, offset=0.3),
        "w_query": draw.normal(width, width, scale=width**-0.5),
        "w_key": draw.normal(width, width, scale=width**-0.5),
        "w_value": draw.normal(width, width, scale=width**-0.5),
    }


def _call(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Write the sentence symbol by symbol, and hand back what every step returned."""
    x, *weights = inputs.values()
    assert isinstance(x, Tensor)
    keys = values = x[:, :0]
    contexts = []
    for t in range(x.shape[1]):
        context, keys, values = answer(x[:, t], keys, values, *weights)
        contexts.append(context)
    return torch.stack(contexts, 1), keys, values


def _step(
    x: Tensor, keys: Tensor, values: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    keys = torch.cat((keys, (x @ w_key)[:, None]), 1)
    values = torch.cat((values, (x @ w_value)[:, None]), 1)
    scores = (keys @ (x @ w_query)[:, :, None])[..., 0] / math.sqrt(x.shape[-1])
    return (scores.softmax(-1)[:, None] @ values)[:, 0], keys, values


def _plain(
    x: Tensor, keys: Tensor, values: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    keys = torch.cat((keys, (x @ w_key)[:, None]), 1)
    values = torch.cat((values, (x @ w_value)[:, None]), 1)
    weights = ((x @ w_query)[:, None] @ keys.mT / math.sqrt(x.shape[-1])).softmax(-1)
    return (weights @ values)[:, 0], keys, values


def _by_einsum(
    x: Tensor, keys: Tensor, values: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor
) -> list[Tensor]:
    keys = torch.hstack((keys, torch.einsum("bd,de->be", x, w_key).unsqueeze(1)))
    values = torch.hstack((values, torch.einsum("bd,de->be", x, w_value).unsqueeze(1)))
    weights = torch.einsum("bd,bsd->bs", x @ w_query, keys).div(x.shape[-1] ** 0.5).softmax(-1)
    return [torch.einsum("bs,bsd->bd", weights, values), keys, values]


def _by_list(
    x: Tensor, keys: Tensor, values: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    all_keys, all_values = [*keys.unbind(1), x @ w_key], [*values.unbind(1), x @ w_value]
    query = x @ w_query / x.shape[1] ** 0.5
    weights = torch.stack([(query * key).sum(-1) for key in all_keys], -1).softmax(-1)
    context = sum((weights[:, i : i + 1] * v for i, v in enumerate(all_values)), x * 0)
    return context, torch.stack(all_keys, 1), torch.stack(all_values, 1)


def _by_kernel(
    x: Tensor, keys: Tensor, values: Tensor, w_query: Tensor, w_key: Tensor, w_value: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    new = x.unsqueeze(1)
    k, v = torch.cat([keys, new @ w_key], dim=1), torch.cat([values, new @ w_value], dim=1)
    found = torch.nn.functional.scaled_dot_product_attention(new @ w_query, k, v)
    return found.squeeze(1), k, v


def _change_last(inputs: Inputs) -> Inputs:
    x = tensor(inputs, "x")
    x[:, -1] += 2
    return inputs


def _past_unchanged(inputs: Inputs, before: Outputs, after: Outputs) -> bool:
    return all(torch.allclose(before[k][:, :-1], after[k][:, :-1]) for k in before)


cached_step = Exercise(
    points=3,
    kind=Function(("context", "keys", "values"), call=_call),
    title="step by step the same as causal attention to the whole sentence",
    oracle=_step,
    draw=_inputs,
    batched=("x",),
    laws=(
        Law("a new symbol changes nothing that was written before", _past_unchanged, _change_last),
    ),
    misconceptions=(
        wrong(
            "blind-to-itself",
            edit("    keys = torch", "    old, past = keys, values\n    keys = torch")
            & edit("@ keys.mT", "@ (old if old.shape[1] else keys).mT")
            & edit("weights @ values", "weights @ (past if past.shape[1] else values)"),
        ).because(
            "The new symbol does not see itself. Append its key and value first, then attend."
        ),
        wrong(
            "only-the-new-one",
            edit("torch.cat((keys, (x @ w_key)[:, None]), 1)", "(x @ w_key)[:, None]")
            & edit("torch.cat((values, (x @ w_value)[:, None]), 1)", "(x @ w_value)[:, None]"),
        ).because(
            "The past is thrown away: you return the new key and value alone. Append them to what "
            "was kept."
        ),
        wrong(
            "past-alone-returned",
            edit("[:, 0], keys, values", "[:, 0], keys[:, :-1], values[:, :-1]"),
        ).because(
            "The new key and value are used, but not kept: return the longer `keys` and `values`."
        ),
        wrong(
            "prepended",
            edit("keys, (x @ w_key)[:, None]", "(x @ w_key)[:, None], keys")
            & edit("values, (x @ w_value)[:, None]", "(x @ w_value)[:, None], values"),
        ).because(
            "The contexts are right, as attention does not care for order. But you put new keys "
            "in front, and a mask or a position would find the wrong ones: append at the end."
        ),
        wrong(
            "projected-again",
            edit(
                "torch.cat((keys, (x @ w_key)[:, None]), 1)",
                "torch.cat((keys, x[:, None]), 1) @ w_key",
            )
            & edit(
                "torch.cat((values, (x @ w_value)[:, None]), 1)",
                "torch.cat((values, x[:, None]), 1) @ w_value",
            ),
            edit("((keys,", "((keys @ w_key,"),
            edit("((values,", "((values @ w_value,"),
        ).because(
            "What was kept is projected once more at each step. The cache holds keys and values: "
            "project the new symbol alone."
        ),
        wrong(
            "window",
            *(
                edit("_key)[:, None]), 1)", f"_key)[:, None]), 1)[:, -{n}:]")
                & edit("_value)[:, None]), 1)", f"_value)[:, None]), 1)[:, -{n}:]")
                for n in (10, 5, 6, 7, 12)
            ),
        ).because(
            "You keep the last few symbols only. Causal attention sees the whole past: keep all."
        ),
        wrong(
            "weights-transposed",
            edit("w_query)", "w_query.mT)")
            & edit("w_key)", "w_key.mT)")
            & edit("w_value)[", "w_value.mT)["),
        ).because(
            "The weights are applied transposed, as a linear layer keeps them. Here it is "
            "`x @ w_key`, as the task says."
        ),
        wrong("returned-exchanged", edit("[:, 0], keys, values", "[:, 0], values, keys")).because(
            "You return the values before the keys, and the next step takes them for each other: "
            "return context, keys, values."
        ),
        wrong(
            "matrices-exchanged", lambda x, k, v, wq, wk, wv: _plain(x, k, v, wq, wv, wk)
        ).because("Keys come from `w_key` and values from `w_value`; yours are exchanged."),
        wrong(
            "symbols-kept",
            edit("(x @ w_key)", "x")
            & edit("(x @ w_value)", "x")
            & edit("keys.mT", "(keys @ w_key).mT")
            & edit("@ values", "@ (values @ w_value)"),
        ).because(
            "You keep the symbols and project all of them at each step. The contexts are right, "
            "but that is the work the cache should save: keep `x @ w_key` and `x @ w_value`."
        ),
        wrong(
            "keys-as-values", edit("torch.cat((values, (x @ w_value)[:, None]), 1)", "keys")
        ).because(
            "You read from the keys. Keys say where to look, values what is found there: keep both."
        ),
        wrong("not-scaled", edit(" / math.sqrt(x.shape[-1])", "")).because(
            "The scores are not divided by √D."
        ),
        wrong("query-not-projected", edit("(x @ w_query)", "x")).because(
            "The symbol itself asks: project it by `w_query` first."
        ),
    ),
    right=(_plain, _by_einsum, _by_list, _by_kernel),
)
