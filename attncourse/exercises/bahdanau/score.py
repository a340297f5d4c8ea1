"""How well an annotation fits the state: the additive score."""

import torch
from torch import Tensor

from attncourse.exercises.core import Draw, Exercise, Function, Inputs, Law, edit, wrong
from attncourse.exercises.core.laws import flipped, flips_along


def _score_inputs(draw: Draw) -> Inputs:
    batch, source, query, key, width = draw.sizes((2, 5, 3, 7, 11), (3, 2, 5, 4, 6))
    return {
        "query": draw.normal(batch, query),
        "keys": draw.normal(batch, source, key, offset=0.3),
        "w_query": draw.normal(width, query, scale=query**-0.5),
        "w_keys": draw.normal(width, key, scale=key**-0.5),
        "v": draw.normal(width, offset=0.5),
    }


def _score(query: Tensor, keys: Tensor, w_query: Tensor, w_keys: Tensor, v: Tensor) -> Tensor:
    hidden = torch.tanh((query @ w_query.T)[:, None] + keys @ w_keys.T)  # (B, S, A)
    return hidden @ v


def _score_plain(query: Tensor, keys: Tensor, w_query: Tensor, w_keys: Tensor, v: Tensor) -> Tensor:
    hidden = (query @ w_query.T)[:, None] + (keys @ w_keys.T)
    return hidden.tanh() @ v


def _score_by_einsum(
    query: Tensor, keys: Tensor, w_query: Tensor, w_keys: Tensor, v: Tensor
) -> Tensor:
    hidden = torch.einsum("aq,bq->ba", w_query, query).unsqueeze(1)
    hidden = hidden + torch.einsum("ak,bsk->bsa", w_keys, keys)
    return torch.einsum("a,bsa->bs", v, hidden.tanh())


def _score_by_loop(
    query: Tensor, keys: Tensor, w_query: Tensor, w_keys: Tensor, v: Tensor
) -> Tensor:
    columns = [
        torch.tanh(query @ w_query.T + keys[:, j] @ w_keys.T) @ v for j in range(keys.shape[1])
    ]
    return torch.stack(columns, dim=1)


def _score_by_concatenation(
    query: Tensor, keys: Tensor, w_query: Tensor, w_keys: Tensor, v: Tensor
) -> Tensor:
    pairs = torch.cat([query[:, None].expand(-1, keys.shape[1], -1), keys], dim=-1)
    weight = torch.cat([w_query, w_keys], dim=1)
    return torch.nn.functional.linear(pairs, weight).tanh().matmul(v[:, None]).squeeze(-1)


additive_score = Exercise(
    points=3,
    kind=Function(("scores",)),
    title="scores: v · tanh(W s + U h) for every annotation h",
    oracle=_score,
    draw=_score_inputs,
    batched=("query", "keys"),
    laws=(
        Law("the scores move with their annotations", flips_along("scores", 1), flipped("keys", 1)),
    ),
    misconceptions=(
        wrong("no-tanh", edit(".tanh()", "")).because(
            "There is no tanh between the sum and v. Without it the score is a sum of one part "
            "that depends on the state and one that depends on the annotation, and the softmax "
            "cancels the first: every step would look at the same place."
        ),
        wrong("relu", edit("tanh", "relu"), edit("tanh", "sigmoid")).because(
            "The sum goes through a ReLU; the paper's alignment model uses tanh, which saturates "
            "on both sides."
        ),
        wrong("shapes-do-not-fit", edit("[:, None]", "")).because(
            "Follow the shapes: `query @ w_query.T` is (B, A), `keys @ w_keys.T` is (B, S, A). To "
            "add the first to each place of the second, give it an axis of size 1, `[:, None]`; a "
            "weight of shape (A, Q) is applied from the right, as `.T`."
        ),
        wrong("tanh-last", edit("hidden.tanh() @ v", "(hidden @ v).tanh()")).because(
            "tanh comes last. It belongs between the sum and v: applied to the finished score it "
            "only squashes, and state and annotation never interact."
        ),
        wrong("v-ignored", edit(" @ v", ".sum(-1)")).because(
            "The hidden units are summed as they are. v weighs them: end with a product with `v`."
        ),
        wrong(
            "tanh-of-each",
            edit("[:, None]", "[:, None].tanh()")
            & edit("(keys @ w_keys.T)", "(keys @ w_keys.T).tanh()")
            & edit("hidden.tanh()", "hidden"),
        ).because(
            "tanh is taken of the two projections one by one. Add them first: only tanh of the "
            "*sum* lets state and annotation interact."
        ),
        wrong("product", edit("+", "*") & edit(".tanh()", ""), edit("+", "*")).because(
            "The projections are multiplied. That is a multiplicative score, as in the next "
            "lesson; the additive score adds them and takes tanh."
        ),
        wrong(
            "ignores-annotations", edit(" + (keys @ w_keys.T)", ".expand(-1, keys.shape[1], -1)")
        ).because(
            "Your score does not depend on the annotations, so all places score the same: add "
            "`keys @ w_keys.T` inside the tanh."
        ),
        wrong("ignores-state", edit("(query @ w_query.T)[:, None] + ", "")).because(
            "Your score does not depend on the decoder's state, so every step looks at the same "
            "place: add the projected `query` inside the tanh."
        ),
        wrong(
            "softmax-too-early", edit("hidden.tanh() @ v", "(hidden.tanh() @ v).softmax(-1)")
        ).because(
            "These are weights, not scores: the softmax comes in the next exercise. Return what "
            "goes into it."
        ),
        wrong("mean-over-width", edit("hidden.tanh() @ v", "(hidden.tanh() * v).mean(-1)")).because(
            "You average over the alignment width; v · tanh(…) is a sum."
        ),
        wrong("v-inside", edit("hidden.tanh() @ v", "(hidden * v).tanh().sum(-1)")).because(
            "v is applied before the tanh. It belongs outside: tanh first, then the dot product "
            "with v."
        ),
        wrong("scaled", edit(" @ v", " @ v / len(v) ** 0.5")).because(
            "You divide by the square root of the width. That is the scaled dot product of the "
            "Transformer; the additive score has no such factor, as tanh keeps it bounded."
        ),
        wrong(
            "detached", edit("hidden.tanh() @ v", "(hidden.tanh() @ v).detach().requires_grad_()")
        ).because(
            "The numbers are right, but they are cut off from the graph (`.detach()`, `.data`, "
            "`.item()` or numpy on the way): nothing before them can learn."
        ),
    ),
    right=(_score_plain, _score_by_einsum, _score_by_loop, _score_by_concatenation),
)
