"""Which cells show a trained network: directly, and through whatever it flowed."""

import ast

import pytest

from attncourse.course.trained import follow

SETUP = """\
import torch
from torch import nn

from attncourse import plotting as plot
from attncourse.data import cued_digits
from attncourse.training import fit

task = cued_digits.load()
loss = nn.functional.cross_entropy

def train(seed):
    model = nn.Linear(2, 2)
    fit(model, task.batches(seed), loss)
    return model.eval()

def accuracy(model):
    return (model(task.pixels) == task.labels).mean()
"""


def shows(*cells: str) -> bool:
    """Whether the last cell shows something trained."""
    return follow([SETUP, *cells])[-1].trained


def test_a_cell_that_only_defines_how_to_train_shows_nothing() -> None:
    assert not shows("")
    assert not follow([SETUP])[0].trained


@pytest.mark.parametrize(
    "cells",
    [
        # directly
        ["print(accuracy(train(0)))"],
        ["model = train(0)", "print(accuracy(model))"],
        ["model = nn.Linear(2, 2)\nfit(model, [], loss)", "model"],
        ["history = fit(nn.Linear(2, 2), [], loss)", "history"],
        ["from attncourse import training", "m = nn.Linear(2, 2)\ntraining.fit(m, [])", "m"],
        ["from attncourse.training import fit as learn", "m = []\nlearn(m)", "m"],
        ["from sklearn.svm import SVC\nknown = SVC()", "known.fit([[0]], [0])", "known"],
        # through assignments and arithmetic
        ["a = train(0)", "b = a", "c = 1 + 2 * accuracy(b)", "print(f'{c:.2f}')"],
        ["a, b = train(0), 1", "a"],
        ["(a, b), c = [train(0), 1], 2", "a"],
        ["if (a := train(0)): pass", "a"],
        ["a = 0", "a += accuracy(train(0))", "a"],
        ["with torch.no_grad() as g, train(0) as a:\n    pass", "a"],
        # through containers, attributes, loops, comprehensions
        ["models = [train(s) for s in range(3)]", "print([accuracy(m) for m in models])"],
        ["models = [nn.Linear(2, 2)]\nfor m in models:\n    fit(m, [], loss)", "models"],
        ["models = [nn.Linear(2, 2)]\n[fit(m, [], loss) for i, m in enumerate(models)]", "models"],
        ["read = {}", "read['a'] = accuracy(train(0))", "for k, v in read.items():\n    print(v)"],
        ["read = {'a': []}", "read['a'].append(accuracy(train(0)))", "read"],
        ["class Box:\n    pass", "box = Box()", "box.inside = train(0)", "box"],
        ["box = nn.Module()", "setattr(box, 'inside', train(0))", "box"],
        ["a = 0\nfor _ in range(2):\n    print(a)\n    a = train(0)"],
        ["fresh = nn.Linear(2, 2)", "fresh.load_state_dict(train(0).state_dict())", "fresh"],
        ["body = nn.Linear(2, 2)", "whole = nn.Sequential(body)", "fit(whole, [], loss)", "body"],
        ["whole = nn.Sequential(nn.Linear(2, 2))\npart = whole[0]", "fit(whole, [])", "part"],
        # through functions, classes, closures
        ["model = train(0)", "def report():\n    print(accuracy(model))", "report()"],
        ["model = train(0)", "report = lambda: accuracy(model)", "x = map(report, [])", "x"],
        ["def twice(s):\n    return train(s), train(s)", "twice(0)"],
        ["def share(m, s):\n    fit(m, s)\n    return 1", "m = nn.Linear(2, 2)\nshare(m, 0)", "m"],
        ["def share(m):\n    fit(m, 0)", "ms = [nn.Linear(2, 2)]\n[share(m) for m in ms]", "ms"],
        ["def keep(store, x):\n    store.append(x)", "kept = []\nkeep(kept, train(0))", "kept"],
        ["kept = []\ndef keep(x):\n    kept.append(x)", "keep(train(0))", "kept"],
        ["def remember():\n    global known\n    known = train(0)", "remember()", "known"],
        ["class Lab:\n    def run(self):\n        return train(0)", "Lab().run()"],
        ["def wrap(m):\n    return m", "m = nn.Linear(2, 2)", "fit(wrap(m), [])", "m"],
        ["def wrap(m):\n    n = [m]\n    return n", "m = nn.Linear(2, 2)", "fit(wrap(m))", "m"],
        ["models = list(map(train, range(3)))", "models"],
        ["f = train", "f(0)"],
        # through hooks and drawings
        ["m, seen = train(0), []", "m.register_forward_hook(lambda *x: seen.append(x))", "seen"],
        ["seen = []\ndef hook(m, i, o):\n    seen.append(o)", "train(0).register(hook)", "seen"],
        ["(ax,) = plot.panels()", "plot.bars(accuracy(train(0)), ax=ax)", "plot.show(ax, alt='a')"],
        ["axes = plot.panels(2)\nfor ax in axes:\n    plot.bars(train(0), ax=ax)", "axes"],
        # by hand
        ["w = torch.zeros(2)\nopt = torch.optim.SGD([w])\nopt.step()", "opt"],
        ["m = nn.Linear(2, 2)\nopt = torch.optim.SGD(m.parameters())", "opt.step()", "m"],
        ["w = torch.zeros(2)", "w -= 0.1 * w.grad", "w"],
        ["w = torch.zeros(2)", "w.sub_(0.1 * w.grad)", "w"],
    ],
)  # fmt: skip
def test_what_was_trained_is_followed(cells: list[str]) -> None:
    assert shows(*cells)


@pytest.mark.parametrize(
    "cells",
    [
        ["print(accuracy(nn.Linear(2, 2)))"],
        ["model = train(0)", "print(task.labels)"],
        ["model = train(0)", "model = nn.Linear(2, 2)", "model"],
        ["model = train(0)", "for model in [nn.Linear(2, 2)]:\n    print(model)"],
        ["models = [train(s) for s in range(3)]", "seed = 0\nprint([seed for seed in range(3)])"],
        ["model = train(0)", "def report(model):\n    print(model)", "report(1)"],
        ["read = accuracy(train(0))", "ax = plot.bars({'a': 1})\nplot.show(ax, alt='a')"],
        ["def f(x):\n    return x", "ok = f(train(0))", "print(f(2))"],
        ["text, m = 'abc', nn.Linear(2, 2)\nfit(m, text)", "text"],
        ["x = torch.zeros(2, requires_grad=True)\nx.sum().backward()", "print(x.grad)"],
        ["text, make = 'abc', lambda t: nn.Linear(len(t), 2)\nfit(make(text), [])", "text"],
        ["text = 'abc'\ndef make(t):\n    return nn.Linear(len(t), 2)", "fit(make(text))", "text"],
        ["def train_later():\n    return train(0)"],
    ],
)
def test_what_was_not_trained_is_left_alone(cells: list[str]) -> None:
    assert not shows(*cells)


@pytest.mark.parametrize(
    ("call", "trained"),
    [
        ("plot.claim('it reads', accuracy(model), at_least=0.5)", True),
        ("plot.claim('it reads', values=accuracy(model), at_least=0.5)", True),
        ("for m in [model]:\n    plot.claim('it reads', accuracy(m), at_least=0.5)", True),
        ("def say(x):\n    plot.claim('it reads', x)\nsay(accuracy(model) > 1)", True),
        ("plot.claim('it reads', True)", False),
        ("plot.claim('it reads', 0.7, at_least=0.5)", False),
        ("plot.claim('it reads', len(task.labels), at_least=accuracy(model))", False),
    ],
)
def test_a_claim_is_about_what_was_trained_or_not(call: str, trained: bool) -> None:
    flow = follow([SETUP, "model = train(0)", f"print(model)\n{call}"])[-1]
    assert list(flow.claims.values()) == [trained]


def test_seeds_are_found_where_they_are_assigned() -> None:
    flows = follow(["seeds = range(3)", "[seeds for seeds in []]", "seeds, x = [1], 2", "seeds"])
    found = [[ast.unparse(value) for value in flow.seeds] for flow in flows]
    assert found == [["range(3)"], [], ["[1]"], []]


def test_magics_are_no_python() -> None:
    assert [flow.trained for flow in follow(["%time 1\n!ls\nx = 1"])] == [False]
    with pytest.raises(SyntaxError):
        follow(["x ="])
