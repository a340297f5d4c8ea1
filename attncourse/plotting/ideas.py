"""Pictures of ideas that take long to draw; each is a `Sketch` that brings its alternative text.

Queries are red, keys and what they lead to are blue, values and what is read of them are green.
"""

from __future__ import annotations

from attncourse.plotting.sketch import Shape, Sketch

QUERY, KEY, VALUE = "red", "blue", "green"


def alignment_step() -> Sketch:
    """One step of a decoder with attention: the old state asks, the context enters the cell."""
    sketch = Sketch(
        10,
        5.0,
        alt="Four annotations h1 to h4, which the old state asks; arrows with the weights 0.05, "
        "0.15, 0.7 and 0.1 lead into a sum, the context. The context and the symbol written before "
        "enter a GRU, which makes the new state of the old one; the new state writes a symbol.",
    )
    weights = (0.05, 0.15, 0.7, 0.1)
    words = [sketch.box(f"$h_{j + 1}$", (2.3 + 1.8 * j, 0.6), colour=KEY) for j in range(4)]
    context = sketch.circle("Σ", (5, 2.2), colour=VALUE)
    before = sketch.box("$s_{i-1}$", (1.2, 3.5), colour=QUERY)
    cell = sketch.box("GRU", (5, 3.5), colour="grey")
    after = sketch.box("$s_i$", (8.8, 3.5), colour=QUERY)
    for word, weight in zip(words, weights, strict=True):
        sketch.arrow(word.top, context, weight=weight, colour=VALUE, text=f"{weight}")
    sketch.arrow(before, sketch.frame(words), bend=0.3, colour=QUERY, text="asks")
    sketch.arrow(context, cell, colour=VALUE, text="context $c_i$")
    sketch.arrow(before, cell, colour=QUERY)
    sketch.arrow(cell, after, colour=QUERY)
    written = sketch.box("$y_{i-1}$", (3.2, 4.6), size=(1.0, 0.5), colour="orange")
    sketch.text("written before", (1.7, 4.6), size=9)
    sketch.arrow(written, cell, colour="orange")
    next_one = sketch.box("$y_i$", (8.8, 4.6), size=(1.0, 0.5), colour="orange")
    sketch.arrow(after, next_one, colour="orange", text="writes")
    return sketch


def alignment_model() -> Sketch:
    """The small network that scores how well a state and an annotation match."""
    sketch = Sketch(
        10,
        3.4,
        alt="The state s of the step before goes through a matrix W, an annotation h through a "
        "matrix U; both are added, tanh is taken, and the product with a vector v is the score e. "
        "A softmax over the scores of all annotations gives the weights alpha.",
    )
    state = sketch.box("$s_{i-1}$", (0.9, 2.6), size=(1.1, 0.6), colour=QUERY)
    annotation = sketch.box("$h_j$", (0.9, 0.8), size=(1.1, 0.6), colour=KEY)
    by_state = sketch.box("$W_a$", (2.8, 2.6), size=(0.9, 0.6), colour=QUERY)
    by_annotation = sketch.box("$U_a$", (2.8, 0.8), size=(0.9, 0.6), colour=KEY)
    total = sketch.circle("+", (4.2, 1.7))
    bent = sketch.box("tanh", (5.4, 1.7), size=(0.9, 0.6), colour="grey")
    product = sketch.box("$v_a$", (6.8, 1.7), size=(0.8, 0.6), colour="orange")
    score = sketch.circle("$e_{ij}$", (7.9, 1.7), radius=0.3, colour="orange")
    weight = sketch.box("$\\alpha_{ij}$", (9.3, 1.7), size=(0.8, 0.6), colour=VALUE)
    for start, end, ink in (
        (state, by_state, QUERY),
        (annotation, by_annotation, KEY),
        (by_state, total, QUERY),
        (by_annotation, total, KEY),
        (total, bent, "black"),
        (bent, product, "black"),
        (product, score, "orange"),
        (score, weight, VALUE),
    ):
        sketch.arrow(start, end, colour=ink)
    sketch.text("once a step", (2.8, 3.15), size=9)
    sketch.text("once a sentence", (2.8, 0.25), size=9)
    sketch.text("softmax over all $j$", (8.6, 2.3), size=9)
    return sketch


def query_key_value() -> Sketch:
    """One symbol's way through attention: its query meets all keys, and reads all values."""
    sketch = Sketch(
        10,
        5.2,
        alt="Four words, each with a key and a value. The query of the third word is compared with "
        "the four keys; the scores become weights by a softmax, and the output of the third word "
        "is the sum of the four values, each times its weight.",
    )
    weights = (0.1, 0.65, 0.2, 0.05)
    output = sketch.box("$y_3$", (9.2, 4.6), size=(0.8, 0.6), colour=VALUE)
    total = sketch.circle("Σ", (7.6, 4.6), colour=VALUE)
    query = sketch.box("$q_3$", (0.7, 2.5), size=(0.8, 0.5), colour=QUERY)
    for i, (word, weight) in enumerate(zip(("the", "cat", "sat", "down"), weights, strict=True)):
        x = 2.3 + 1.9 * i
        below = sketch.box(word, (x, 0.4), size=(0.9, 0.5), colour="grey")
        key = sketch.box(f"$k_{i + 1}$", (x - 0.45, 1.5), size=(0.7, 0.5), colour=KEY)
        value = sketch.box(f"$v_{i + 1}$", (x + 0.45, 1.5), size=(0.7, 0.5), colour=VALUE)
        match = sketch.circle("·", (x - 0.45, 2.5), radius=0.18, colour=KEY)
        share = sketch.box(f"{weight}", (x + 0.45, 3.4), size=(0.7, 0.4), colour="orange")
        sketch.arrow(below, key, colour=KEY, weight=0.15)
        sketch.arrow(below, value, colour=VALUE, weight=0.15)
        sketch.arrow(key, match, colour=KEY, weight=0.15)
        sketch.arrow(match, share, colour="orange", weight=0.15)
        sketch.arrow(value, share, colour=VALUE, weight=0.15)
        sketch.arrow(share, total, colour=VALUE, weight=weight)
        if i == 2:
            sketch.arrow(below.left, query.bottom, colour=QUERY, weight=0.15, bend=-0.25)
    sketch.arrow(query, (7.4, 2.5), colour=QUERY, weight=0.15)
    sketch.text("the query\nmeets every key", (0.85, 3.25), size=9, colour=QUERY)
    sketch.text("softmax:\nweights", (1.1, 4.2), size=9, colour="orange")
    sketch.arrow(total, output, colour=VALUE)
    return sketch


def transformer() -> Sketch:
    """The whole Transformer, and where queries, keys and values come from at its three places."""
    sketch = Sketch(
        10,
        8.9,
        alt="Left the encoder: embedded source with positions, then six times self-attention, add "
        "and norm, feed forward, add and norm; its output is the memory. Right the decoder: "
        "embedded target with positions, then six times causal self-attention, cross-attention and "
        "feed forward, each with add and norm, and a linear layer with a softmax. In "
        "self-attention queries, keys and values come from below; in cross-attention the queries "
        "come from below, and the keys and values from the memory.",
    )
    encoder = _tower(sketch, 2.3, ("self-attention", "feed forward"), "source")
    decoder = _tower(
        sketch, 7.0, ("causal self-attention", "cross-attention", "feed forward"), "target so far"
    )
    memory = sketch.box("memory", (2.3, 6.5), size=(1.5, 0.5), colour=KEY)
    sketch.arrow(encoder[-1], memory)
    cross = decoder[2]
    low, high = cross.centre[1] - 0.12, cross.centre[1] + 0.12
    for ink, y, x in ((KEY, high, 4.68), (VALUE, low, 4.52)):
        sketch.line(memory.right, (x, memory.right[1]), (x, y), colour=ink, weight=0.15)
        sketch.arrow((x, y), (cross.left[0], y), colour=ink, weight=0.15)
    sketch.text("K", (5.0, high + 0.16), size=9, colour=KEY)
    sketch.text("V", (5.0, low - 0.16), size=9, colour=VALUE)
    sketch.text("Q", (cross.centre[0] + 0.18, cross.bottom[1] - 0.16), size=9, colour=QUERY)
    for attention in (encoder[0], decoder[0]):
        x, y = attention.bottom
        for name, ink, aside in (("Q", QUERY, -0.25), ("K", KEY, 0.25), ("V", VALUE, 0.5)):
            sketch.text(name, (x + aside, y - 0.16), size=9, colour=ink)
    for tower, x in ((encoder, 0.1), (decoder, 9.4)):
        (middle, low), high = (tower[0].centre[0] + 0.1, 1.35), tower[-1].top[1]
        size = 3.4, high - low
        sketch.frame([Shape((middle, (low + high) / 2), size, tower[0].patch)])
        sketch.text("6 ×", (x, (low + high) / 2), colour="grey")
    linear = sketch.box("linear, softmax", (7.0, 8.5), size=(2.4, 0.5), colour="grey")
    sketch.arrow(decoder[-1], linear)
    sketch.text("next symbol", (9.1, 8.5), size=9)
    return sketch


def squeeze_axial() -> Sketch:
    """The data flow of squeeze-enhanced axial attention, its steps numbered, with shapes."""
    sketch = Sketch(
        10,
        6.0,
        alt="Maps x are projected to queries, keys and values of every place. Two ways lead on "
        "from there: their means over the width, a place a row, attend among rows, and their means "
        "over the height, a place a column, among columns; both results are spread over the map, "
        "added to the values and become a gate between 0 and 1. The third way, a 3 by 3 "
        "convolution of queries, keys and values, is the detail, which the gate multiplies.",
    )
    x = sketch.box("$x$\nC × H × W", (0.85, 3.0), size=(1.3, 0.9), colour="grey")
    qkv = sketch.box("1 · q, k, v\nH × W places", (2.8, 3.0), size=(1.6, 0.9), colour=KEY)
    detail = sketch.box(
        "5 · detail: 3×3 of q, k, v, then 1×1", (5.6, 5.2), size=(3.9, 0.6), colour="orange"
    )
    rows = sketch.box(
        "2 · mean over W\nH places + positions", (5.0, 4.1), size=(2.4, 0.8), colour=QUERY
    )
    columns = sketch.box(
        "2 · mean over H\nW places + positions", (5.0, 1.2), size=(2.4, 0.8), colour=VALUE
    )
    row_attention = sketch.box(
        "3 · rows ask rows\nH × H weights", (7.5, 4.1), size=(2.0, 0.8), colour=QUERY
    )
    column_attention = sketch.box(
        "3 · columns ask columns\nW × W weights", (7.8, 1.2), size=(2.7, 0.8), colour=VALUE
    )
    total = sketch.circle("+", (7.5, 2.6))
    gate = sketch.box(
        "4 · gate in [0, 1]\nC × H × W", (8.95, 2.6), size=(1.7, 0.8), colour="purple"
    )
    times = sketch.circle("×", (9.3, 5.2))
    sketch.arrow(x, qkv)
    sketch.arrow(qkv.top, detail.left, bend=-0.25, colour="orange")
    sketch.arrow(qkv, rows, colour=QUERY)
    sketch.arrow(qkv, columns, colour=VALUE)
    sketch.arrow(qkv, total, text="values, H × W", colour=KEY)
    sketch.arrow(rows, row_attention, colour=QUERY)
    sketch.arrow(columns, column_attention, colour=VALUE)
    sketch.arrow(row_attention, total, colour=QUERY)
    sketch.arrow(column_attention, total, colour=VALUE)
    sketch.arrow(total, gate, colour="purple")
    sketch.arrow(gate.top, times, colour="purple")
    sketch.arrow(detail, times, colour="orange")
    sketch.arrow(times, (9.3, 5.95))
    sketch.text("$y$", (9.55, 5.8))
    sketch.text("each spread along its line", (5.9, 3.4), size=9)
    return sketch


def _tower(sketch: Sketch, x: float, parts: tuple[str, ...], below: str) -> list[Shape]:
    """Layers above each other, from the embedding up: each part, then its add and norm."""
    start = sketch.box(f"{below}:\nembedding + position", (x, 0.5), size=(2.6, 0.7), colour="grey")
    shapes: list[Shape] = []
    before, y = start, 2.0
    for part in parts:
        ink = "grey" if part == "feed forward" else "orange"
        layer = sketch.box(part, (x, y), size=(2.6, 0.55), colour=ink)
        norm = sketch.box("add, norm", (x, y + 0.8), size=(1.5, 0.4), colour="grey")
        sketch.arrow(before, layer, weight=0.15)
        sketch.arrow(layer, norm, weight=0.15)
        side = (x + 1.6, layer.bottom[1] - 0.3)
        corners = (x, side[1]), side, (side[0], norm.centre[1])
        sketch.line(*corners, colour="grey", weight=0.15)
        sketch.arrow((side[0], norm.centre[1]), norm.right, colour="grey", weight=0.15)
        shapes += [layer, norm]
        before, y = norm, y + 1.9
    return shapes
