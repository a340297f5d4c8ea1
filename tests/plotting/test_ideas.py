"""Pictures of ideas: what a lesson needs stands in them, and in their words."""

import pytest

from attncourse.plotting import ideas
from attncourse.plotting.show import Picture

NEEDED = {
    ideas.alignment_step: ["$y_{i-1}$", "$s_{i-1}$", "$s_i$", "GRU", "context $c_i$", "$h_4$"],
    ideas.alignment_model: ["$W_a$", "$U_a$", "tanh", "$v_a$", "$e_{ij}$"],
    ideas.query_key_value: ["$q_3$", "$k_1$", "$v_4$", "$y_3$", "Σ"],
    ideas.transformer: ["self-attention", "causal self-attention", "cross-attention", "memory"],
    ideas.squeeze_axial: ["3 · rows ask rows\nH × H weights", "4 · gate in [0, 1]\nC × H × W"],
}
sketches = pytest.mark.parametrize("draw", NEEDED, ids=lambda draw: draw.__name__)


@sketches
def test_what_is_needed_stands_in_it(draw):
    texts = [text.get_text() for text in draw().axes.texts]
    assert not set(NEEDED[draw]) - set(texts)


@sketches
def test_it_is_drawn_within_its_sheet_and_brings_its_words(draw):
    sketch = draw()
    assert len(Picture(sketch.figure, sketch.alt).alt.split()) > 30
    (left, right), (low, high) = sketch.axes.get_xlim(), sketch.axes.get_ylim()
    for text in sketch.axes.texts:
        x, y = text.get_position()
        assert left <= x <= right and low <= y <= high, text.get_text()


def test_queries_keys_and_values_are_named_at_all_three_places_of_the_transformer():
    texts = [text.get_text() for text in ideas.transformer().axes.texts]
    assert [texts.count(name) for name in "QKV"] == [3, 3, 3]


@sketches
def test_no_text_lies_on_another(draw):
    figure = draw().figure
    figure.draw_without_rendering()
    (axes,) = figure.axes
    boxes = [(text.get_text(), text.get_window_extent()) for text in axes.texts]
    for n, (name, box) in enumerate(boxes):
        for other, place in boxes[n + 1 :]:
            assert not box.overlaps(place), (name, other)
