"""The kinds of answer that the first lesson does not use, on small exercises made here."""

from dataclasses import replace

import pytest
import torch
from torch import nn

from attncourse.exercises.core import (
    Draw,
    Exercise,
    Function,
    Law,
    Module,
    TrainedModel,
    Value,
    edit,
    wrong,
)
from attncourse.exercises.core.messages import diagnosis
from attncourse.exercises.core.proof import prove


class Gate(nn.Module):
    """A gate over channels, for the tests of module exercises."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.reduce = nn.Linear(channels, hidden)
        self.expand = nn.Linear(hidden, channels)

    def forward(self, x):
        gate = self.expand(self.reduce(x.mean((2, 3))).relu()).sigmoid()
        return x * gate[:, :, None, None]


class ConvGate(nn.Module):
    """The same with 1×1 convolutions, under other names."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(channels, hidden, 1), nn.ReLU(), nn.Conv2d(hidden, channels, 1)
        )

    def forward(self, x):
        return x * self.net(x.mean((2, 3), keepdim=True)).sigmoid()


class Ungated(Gate):
    """Forgets the sigmoid."""

    def forward(self, x):
        return x * self.expand(self.reduce(x.mean((2, 3))).relu())[:, :, None, None]


class Narrow(nn.Module):
    """Has other weights than the task asks for."""

    def __init__(self, channels, hidden):
        super().__init__()
        self.only = nn.Linear(channels, channels)

    def forward(self, x):
        return x


def draw_map(draw: Draw):
    return {"x": draw.normal(*draw.sizes((2, 8, 5, 7), (3, 8, 2, 3)), offset=0.5)}


gate = Exercise(
    name="Gate",
    lesson="00-test",
    points=1,
    kind=Module(("y",)),
    title="gated",
    oracle=Gate,
    draw=draw_map,
    construction=lambda draw: {"channels": 8, "hidden": 4},
    batched=("x",),
    misconceptions=(wrong("no-sigmoid", Ungated).because("There is no sigmoid."),),
    right=(ConvGate,),
)


def test_a_module_is_given_the_oracles_weights() -> None:
    proof = prove(gate)
    assert proof.holds, proof


def test_a_module_with_other_weights_is_told_which_are_expected() -> None:
    sentence = diagnosis(gate.examine(Narrow))
    assert "none has the shape (4, 8), as `reduce.weight` should" in sentence
    assert "`only.weight` (8, 8) is one too many" in sentence


def test_an_instance_is_not_a_class() -> None:
    assert "pass the class itself" in diagnosis(gate.examine(Gate(8, 4)))


def test_names_are_required_where_the_task_gives_them() -> None:
    named = replace(gate, kind=Module(("y",), by_name=True))
    assert not named.examine(ConvGate).passed


def test_a_gradient_that_misses_a_parameter_is_named() -> None:
    class Frozen(Gate):
        def forward(self, x):
            hidden = self.reduce(x.mean((2, 3))).relu().detach()
            return x * self.expand(hidden).sigmoid()[:, :, None, None]

    assert "No gradient reaches `reduce.weight`" in diagnosis(gate.examine(Frozen))


class Normed(nn.Module):
    """A norm, for the tests of modules that differ between training and evaluation."""

    def __init__(self, channels):
        super().__init__()
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x):
        return self.norm(x)


def test_a_module_in_training_is_asked_in_evaluation_too() -> None:
    class AlwaysByTheBatch(Normed):
        def forward(self, x):
            weight, bias = self.norm.weight, self.norm.bias
            return nn.functional.batch_norm(x, None, None, weight, bias, training=True)

    class ByHalves(Normed):
        def forward(self, x):
            return torch.cat([self.norm(x[..., :3]), self.norm(x[..., 3:])], -1)

    class Right(Normed):
        def forward(self, x):
            return self.norm(x)

    normed = replace(
        gate,
        kind=Module(("y",), training=True),
        oracle=Normed,
        construction=lambda draw: {"channels": 8},
        misconceptions=(wrong("always", AlwaysByTheBatch).because("It is always the batch."),),
        right=(Right,),
    )
    assert prove(normed).holds
    assert not normed.examine(ByHalves).passed
    assert replace(normed, kind=Module(("y",))).examine(ByHalves).passed


number = Exercise(
    name="number",
    lesson="00-test",
    points=1,
    kind=Value(),
    title="number of parameters",
    oracle=72,
    misconceptions=(wrong("no-bias", 64).because("The biases are missing."),),
    right=(72.0, torch.tensor(72)),
)


def test_a_value_may_be_a_number_or_a_tensor() -> None:
    assert prove(number).holds
    assert number.examine(64).misconception == "no-bias"
    assert "not written yet" in diagnosis(number.examine(...))
    assert diagnosis(number.examine(71)) == "That is not the number."
    assert "Expected numbers" in diagnosis(number.examine(object()))


def test_a_number_may_be_typed_as_a_text() -> None:
    assert number.examine(" 72 ").passed
    assert number.examine("64").misconception == "no-bias"


def test_of_several_values_the_wrong_ones_are_named() -> None:
    three = Exercise(points=1, kind=Value(), title="three", oracle=[4, 8, 15])
    assert three.examine(["4", "8", "15"]).passed
    assert "these are not right: 1, 3." in diagnosis(three.examine([5, 8, 16]))


class Renamed(nn.Module):
    def __init__(self, bias: bool = True) -> None:
        super().__init__()
        self.lin = nn.Linear(3, 2, bias=bias)
        self.norm = nn.BatchNorm1d(2)

    def forward(self, x):
        return self.norm(self.lin(x))


class AskedFor(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(3, 2, bias=False)
        self.norm = nn.BatchNorm1d(2)

    def forward(self, x):
        return self.norm(self.line(x))


def test_other_names_and_tensors_are_told_as_differences() -> None:
    named = Exercise(
        points=1,
        kind=Module(("y",), by_name=True),
        title="normed",
        oracle=AskedFor,
        draw=lambda draw: {"x": draw.normal(5, 3)},
    )
    told = diagnosis(named.examine(Renamed))
    assert "you have `lin`, asked for is `line`" in told
    assert "`lin.bias` (2) is one too many" in told or "`lin.bias` (2,) is one too many" in told
    assert "running_mean" not in told


def test_python_is_heard_without_the_courses_own_functions() -> None:
    def nested():
        def cell(x):
            return x

        return cell

    inner = nested()
    told = diagnosis(twice.examine(lambda x: inner()))
    assert "cell() missing 1 required" in told
    assert "<locals>" not in told


def test_a_dtype_is_told_by_what_made_it() -> None:
    single = diagnosis(twice.examine(lambda x: 2 * x.float()))
    assert "has the dtype float32, the inputs have float64" in single
    assert "whole numbers" in diagnosis(twice.examine(lambda x: (2 * x).long()))


twice = Exercise(
    points=1,
    kind=Function(("y",)),
    title="twice",
    oracle=lambda x: 2 * x,
    draw=lambda draw: {"x": draw.normal(*draw.sizes((3, 5), (2, 4)))},
)


def test_a_value_may_be_a_text() -> None:
    word = Exercise(points=1, kind=Value(), title="the word", oracle="Query")
    assert word.examine(" query ").passed
    assert not word.examine("key").passed


def accuracy(outputs, targets):
    return (outputs["prediction"].argmax(-1) == targets["label"]).double().mean().item()


def draw_points(draw: Draw):
    return {"x": draw.normal(200, 2)}


trained = Exercise(
    name="model",
    lesson="00-test",
    points=1,
    kind=TrainedModel(0.9, accuracy, "of the points right"),
    title="at least 90 % of the held-out points",
    oracle=lambda draw: {"label": (draw_points(draw)["x"].sum(1) > 0).long()},
    draw=draw_points,
    refuses=None,
)


def test_a_trained_model_is_judged_on_held_out_data() -> None:
    good = nn.Linear(2, 2, bias=False).double()
    with torch.no_grad():
        good.weight.copy_(torch.tensor([[-1.0, -1.0], [1.0, 1.0]]))
    assert trained.examine(good).passed
    bad = nn.Linear(2, 2).double()
    with torch.no_grad():
        bad.weight.copy_(-good.weight)
        bad.bias.zero_()
    assert "your model reaches 0 of the points right; 0.9 are needed" in diagnosis(
        trained.examine(bad)
    )


def test_laws_alone_can_judge() -> None:
    free = Exercise(
        name="squeeze",
        lesson="00-test",
        points=1,
        kind=Function(("s",)),
        title="a number a channel",
        oracle=None,
        draw=draw_map,
        batched=("x",),
        laws=(
            Law(
                "the result has the shape (B, C)", lambda i, a, b: a["s"].shape == i["x"].shape[:2]
            ),
            Law(
                "permuting pixels changes nothing",
                lambda i, a, b: torch.allclose(a["s"], b["s"]),
                lambda i: {"x": i["x"].flip(2)},
            ),
        ),
    )
    assert free.examine(lambda x: x.mean((2, 3))).passed
    assert free.examine(lambda x: x.amax((2, 3))).passed
    assert "(B, C)" in diagnosis(free.examine(lambda x: x.mean(1)))
    assert "permuting pixels" in diagnosis(free.examine(lambda x: x[:, :, 0, 0]))
    assert prove(free).holds  # there is no oracle that could fail


def test_too_few_results_are_counted() -> None:
    pair = Exercise(
        points=1,
        kind=Function(("a", "b")),
        title="two",
        oracle=lambda x: (x, x),
        draw=draw_map,
    )
    assert "Expected 2 results (a, b), got 1 of them" in diagnosis(pair.examine(lambda x: (x,)))
    with pytest.raises(AssertionError):
        pair.check(lambda x: x)


def scaled(x):
    return x / x.norm() * 2


def test_a_wrong_answer_can_be_an_edit_of_a_right_one() -> None:
    found = replace(
        gate,
        right=(ConvGate,),
        misconceptions=(
            wrong("thrice", edit("* 2", "* 3", of=scaled), edit("2", "4", of=scaled)).because("…"),
        ),
    ).misconceptions[0]
    x = torch.tensor([3.0, 4.0])
    assert [form(x).tolist() for form in found.forms] == [
        pytest.approx([1.8, 2.4]),
        pytest.approx([2.4, 3.2]),
    ]


@pytest.mark.parametrize(("old", "times"), [("x", 3), ("y", 0)])
def test_an_edit_names_the_text_that_does_not_occur_once(old: str, times: int) -> None:
    with pytest.raises(ValueError, match=f"'{old}' occurs {times} times in scaled"):
        _ = edit(old, "z", of=scaled).answer


def test_an_edit_is_of_the_first_right_variant() -> None:
    misconception = wrong("thrice", edit("* 2", "* 3"))
    twice = replace(number, oracle=None, right=(scaled, len), misconceptions=(misconception,))
    assert twice.misconceptions[0].declared[0].right is scaled
