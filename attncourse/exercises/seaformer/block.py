"""The block: attention along both axes, its gate, and a small network, with two shortcuts."""

import torch

from attncourse.exercises.common.draws import built
from attncourse.exercises.core import Draw, Exercise, Inputs, wrong
from attncourse.exercises.seaformer.blocks import (
    TWICE,
    AsMaps,
    Block,
    ByHeads,
    DetailGates,
    EachOnce,
    GatesTwice,
    ProjectsForEachAxis,
    ProjectsTwice,
    block_with,
    heads_interleaved,
    merged_by_reshape,
    mixed_by_softmax_over_queries,
    not_scaled,
    nothing_asked,
    one_table,
    tables_exchanged,
    without_positions,
)


def _maps(draw: Draw) -> Inputs:
    batch, channels, height, width = draw.sizes((2, 6, 5, 7), (3, 5, 4, 4))
    return {"x": draw.normal(batch, channels, height, width, offset=0.5)}


SeaFormerBlock = Exercise(
    points=5,
    kind=EachOnce(("y",), by_name=True, training=True),
    title="y: x, plus the gated detail, plus what the network makes of both",
    oracle=Block,
    draw=_maps,
    # Values twice as wide as keys, and half as wide: the official code knows the first alone.
    construction=built(channels=(6, 5), key_dim=(2, 4), heads=(3, 2), attn_ratio=(2, 0.5)),
    batched=("x",),
    refuses=("scaled_dot_product_attention", "MultiheadAttention"),
    misconceptions=(
        wrong("no-shortcut-for-attention", block_with(join=lambda m, x, y: y + m.mlp(y))).because(
            "The gated detail replaces `x`. Add it to `x`."
        ),
        wrong("no-shortcut-for-the-network", block_with(join=lambda m, x, y: m.mlp(x + y))).because(
            "What `self.mlp` makes replaces its input. Add the two."
        ),
        wrong("no-shortcut-at-all", block_with(join=lambda m, x, y: m.mlp(y))).because(
            "Both shortcuts are missing: `x` plus the gated detail, then that plus what `self.mlp` "
            "makes of it."
        ),
        wrong("no-network", block_with(join=lambda m, x, y: x + y)).because(
            "`self.mlp` has no effect. It comes last, with a shortcut of its own."
        ),
        wrong("side-by-side", block_with(join=lambda m, x, y: x + y + m.mlp(x))).because(
            "`self.mlp` gets the block's input. Let it work on what attention has made: `x` plus "
            "the gated detail."
        ),
        wrong("shortcut-of-the-start", block_with(join=lambda m, x, y: x + m.mlp(x + y))).because(
            "The second shortcut starts at the block's input, and the gated detail gets lost on "
            "the way. It starts at what `self.mlp` is given."
        ),
        wrong("network-of-the-detail", block_with(join=lambda m, x, y: x + y + m.mlp(y))).because(
            "`self.mlp` gets the gated detail alone. Give it the sum, `x` plus the gated detail."
        ),
        wrong("layers-exchanged", block_with(layers=("column", "row"))).because(
            "The rows go through `self.column`, and the columns through `self.row`."
        ),
        wrong(
            "one-layer-for-both",
            block_with(layers=("row", "row")),
            block_with(layers=("column", "column")),
        ).because(
            "Rows and columns go through the same layer. There is `self.row`, and `self.column`."
        ),
        wrong(
            "positions-exchanged", block_with(tables=("column_positions", "row_positions"))
        ).because("The rows get the positions of the columns, and the columns those of the rows."),
        wrong(
            "one-table-for-both-axes",
            block_with(tables=("row_positions", "row_positions")),
            block_with(tables=("column_positions", "column_positions")),
        ).because(
            "Both axes get the same positions. Rows have `self.row_positions`, columns "
            "`self.column_positions`."
        ),
        wrong("query-and-key-positions-exchanged", block_with(attend=tables_exchanged)).because(
            "The tables of query and key are exchanged: the first of the two is for queries."
        ),
        wrong("no-positions", block_with(attend=without_positions)).because(
            "Your tokens do not know where they stand: give `axial_attention` both positions."
        ),
        wrong("query-and-key-exchanged", block_with(order=(1, 0, 2))).because(
            "The keys ask and the queries answer. The channels of `qkv` are queries, keys, values, "
            "in this order."
        ),
        wrong("axes-exchanged", block_with(axes=(2, 3))).because(
            "You squeeze the wrong axes, which only a square map survives: to get rows, average "
            "the width away, axis 3."
        ),
        wrong("heads-merged-wrongly", block_with(attend=merged_by_reshape)).because(
            "The heads were put together by reshaping (B, h, L, E), which mixes places with "
            "channels. Transpose to (B, h, E, L) first."
        ),
        wrong("heads-interleaved", block_with(attend=heads_interleaved)).because(
            "The heads were put together number by number. The first E channels are the first "
            "head's, the next E the second's: (B, h, E, L), then flatten."
        ),
        wrong("one-table-for-query-and-key", block_with(attend=one_table)).because(
            "Queries and keys get the same positions. Of the two tables, the first is for queries "
            "and the second for keys."
        ),
        wrong("nothing-asked", block_with(attend=nothing_asked)).because(
            "No token hears another: the means of the values go on as they are. What goes on is "
            "the mixture that `axial_attention` makes."
        ),
        wrong("rows-left-out", block_with(gated=lambda m, v, r, c: v + c + 0 * r)).because(
            "What the rows have collected does not reach the gate."
        ),
        wrong("columns-left-out", block_with(gated=lambda m, v, r, c: v + r + 0 * c)).because(
            "What the columns have collected does not reach the gate."
        ),
        wrong(
            "detail-not-gated", block_with(apply=lambda m, g, qkv, x: m.detail(qkv) + 0 * g)
        ).because("The detail is added as it is. It passes the gate first."),
        wrong(
            "input-gated", block_with(apply=lambda m, g, qkv, x: g * x + 0 * m.detail(qkv))
        ).because(
            "You gate `x`. What passes the gate is the detail, `self.detail` of all of `qkv`."
        ),
        wrong(
            "multiplied-to-the-input", block_with(join=lambda m, x, y: x * y + m.mlp(x * y))
        ).because("You multiply `x` by the gated detail. Add it to `x`."),
        wrong("runs-twice", ProjectsTwice, ProjectsForEachAxis, GatesTwice).because(TWICE),
        wrong("no-value-in-the-gate", block_with(gated=lambda m, v, r, c: r + c)).because(
            "The gate does not see the values: is `value` given to `gate_detail`?"
        ),
        wrong("detail-is-the-gate", DetailGates).because(
            "The detail gates what the axes have seen. It is the other way round: what went "
            "through `self.gate` becomes the gate."
        ),
        wrong("attention-not-scaled", block_with(attend=not_scaled)).because(
            "The scores are not divided by √D. Is it your own `axial_attention`?"
        ),
        wrong("softmax-over-queries", block_with(attend=mixed_by_softmax_over_queries)).because(
            "The softmax runs over the tokens that ask. Is it your own `axial_attention`?"
        ),
    ),
    right=(
        block_with(),
        block_with(
            gated=lambda m, v, r, c: torch.stack((v + r, c.expand_as(v))).sum(0),
            apply=lambda m, g, q, x: m.detail(q) * g,
        ),
        ByHeads,
        AsMaps,
    ),
)
