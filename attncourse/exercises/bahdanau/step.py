"""One step of the decoder: look, then update the state."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, edit, wrong


def _step_inputs(draw: Draw) -> Inputs:
    batch, source, hidden, embedding, key = draw.sizes((2, 5, 3, 4, 6), (3, 4, 5, 2, 4))
    width = embedding + key
    return {
        "embedded": draw.normal(batch, embedding),
        "state": draw.normal(batch, hidden),
        "annotations": draw.normal(batch, source, key, offset=0.3),
        "w_score": draw.normal(hidden, key),
        "w_input": draw.normal(3 * hidden, width, scale=width**-0.5),
        "w_hidden": draw.normal(3 * hidden, hidden, scale=hidden**-0.5),
    }


def _call_step(answer: Callable[..., Any], inputs: Inputs) -> Any:
    """Give the answer an `attend` and a `cell` that are made of the probe's tensors."""
    embedded, state, annotations, w_score, w_input, w_hidden = inputs.values()
    assert isinstance(w_score, Tensor) and isinstance(w_input, Tensor)
    assert isinstance(w_hidden, Tensor)

    def attend(query: Tensor, keys: Tensor) -> tuple[Tensor, Tensor]:
        weights = torch.einsum("bq,qk,bsk->bs", query, w_score, keys).softmax(-1)
        return torch.einsum("bs,bsk->bk", weights, keys), weights

    def cell(input: Tensor, hx: Tensor) -> Tensor:  # named as in `torch.nn.GRUCell`
        return torch.gru_cell(input, hx, w_input, w_hidden)

    return answer(attend, cell, embedded, state, annotations)


def _step(attend: Any, cell: Any, embedded: Tensor, state: Tensor, annotations: Tensor) -> Any:
    context, weights = attend(state, annotations)
    state = cell(torch.cat([embedded, context], dim=-1), state)
    return state, context, weights


def _step_plain(
    attend: Any, cell: Any, embedded: Tensor, state: Tensor, annotations: Tensor
) -> Any:
    context, weights = attend(state, annotations)
    new = cell(torch.cat([embedded, context], -1), state)
    return new, context, weights


def _step_named(
    attend: Any, cell: Any, embedded: Tensor, state: Tensor, annotations: Tensor
) -> Any:
    found = attend(state, annotations)
    new_state = cell(torch.cat((embedded, found[0]), dim=1), state)
    return new_state, *found


def _step_stacked(
    attend: Any, cell: Any, embedded: Tensor, state: Tensor, annotations: Tensor
) -> Any:
    context, weights = attend(query=state, keys=annotations)
    return cell(torch.hstack([embedded, context]), state), context, weights


def _step_filled(
    attend: Any, cell: Any, embedded: Tensor, state: Tensor, annotations: Tensor
) -> Any:
    context, weights = attend(state, annotations)
    width = embedded.shape[1]
    both = embedded.new_empty(len(embedded), width + context.shape[1])
    both[:, :width] = embedded
    both[:, width:] = context
    return [cell(both, state), context, weights]


decoder_step = Exercise(
    points=3,
    kind=Function(("state", "context", "weights"), call=_call_step),
    title="step: look with the old state, then update it with word and context",
    oracle=_step,
    draw=_step_inputs,
    batched=("embedded", "state", "annotations"),
    misconceptions=(
        wrong(
            "looks-with-the-new-state",
            edit(
                "    return new", "    context, weights = attend(new, annotations)\n    return new"
            ),
            edit("embedded, context]", "embedded, torch.zeros_like(context)]")
            & edit(
                "    return new", "    context, weights = attend(new, annotations)\n    return new"
            ),
        ).because(
            "You look with the state *after* the update. That is how Luong does it (lesson 02); "
            "Bahdanau scores with the state before it, because the context takes part in the "
            "update."
        ),
        wrong(
            "context-not-fed", edit("embedded, context]", "embedded, torch.zeros_like(context)]")
        ).because(
            "The context never enters the cell: the decoder looks, and ignores what it sees. Feed "
            "the cell `[embedded; context]`."
        ),
        wrong("word-not-fed", edit("[embedded,", "[torch.zeros_like(embedded),")).because(
            "The last word never enters the cell: feed it `[embedded; context]`."
        ),
        wrong("context-first", edit("[embedded, context]", "[context, embedded]")).because(
            "The two halves of the cell's input are exchanged: the word comes first, then the "
            "context. (The other order would learn as well, but not with these weights.)"
        ),
        wrong("old-state-returned", edit("return new", "return state")).because(
            "You return the state that came in; the next step would start from the same place "
            "again. Return what the cell gives."
        ),
        wrong("state-added", edit("return new", "return new + state")).because(
            "You add the old state to the new one. The GRU's update gate already mixes them."
        ),
        wrong("no-memory", edit("-1), state)", "-1), torch.zeros_like(state))")).because(
            "The cell starts from zeros at each step. Give it the state as its second argument."
        ),
    ),
    right=(_step_plain, _step_named, _step_stacked, _step_filled),
)
