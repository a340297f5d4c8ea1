"""The benchmarks measure what they say: traffic, memory, agreement, tables."""

import statistics

import pytest
import torch
from torch import nn

from benchmarks import report
from benchmarks.compare import Comparison
from benchmarks.harness import Case, cases, slugs
from benchmarks.measure import both, forward, in_child, peak_bytes, quartiles
from benchmarks.report import Row
from benchmarks.traffic import traffic

CPU = torch.device("cpu")


def test_traffic_counts_bytes_read_and_written():
    x, row = torch.randn(64, 32), torch.randn(32)
    assert traffic(lambda: x * 2).passes(x) == 2
    assert traffic(lambda: x.mul_(2)).passes(x) == 2
    assert traffic(lambda: x + x).passes(x) == 3
    assert traffic(lambda: x + row).passes(x) == 2 + 1 / 64
    assert traffic(lambda: x + row.expand(64, 32)).passes(x) == 2 + 1 / 64
    assert traffic(lambda: x.sum()).passes(x) == 1 + 1 / x.numel()


def test_traffic_counts_operations_but_not_views_nor_reservations():
    x = torch.randn(64, 32)
    counted = traffic(lambda: torch.empty(3).copy_(x.view(32, 64).mT[0, :3]).unsqueeze(0).exp())
    assert counted.ops == 2
    assert traffic(lambda: x[:, None].expand(64, 9, 32)).largest == 0
    assert traffic(lambda: x[:, None] + torch.zeros(9, 32)).largest == 64 * 9 * 32


def test_traffic_follows_the_backward_pass():
    x = torch.randn(64, 32, requires_grad=True)
    once = traffic(lambda: x.exp().sum())
    both_ways = traffic(lambda: x.exp().sum().backward())
    assert (once.ops, both_ways.ops > once.ops) == (2, True)


def test_memory_is_that_of_the_run_alone():
    def weigh(work):
        return in_child(lambda: peak_bytes(lambda: work, CPU)) / 2**20

    held = torch.zeros(2**24)
    assert weigh(lambda: torch.zeros(2**24)) == pytest.approx(64, abs=2)
    assert weigh(lambda: (held + 1).exp()) == pytest.approx(128, abs=2)
    assert weigh(lambda: held.add_(1)) == pytest.approx(0, abs=2)


def test_a_child_returns_what_it_found_and_raises_what_it_met():
    assert in_child(lambda: {"found": [1.5]}) == {"found": [1.5]}
    with pytest.raises(ZeroDivisionError):
        in_child(lambda: 1 / 0)


def test_forward_evaluates_and_both_trains():
    layer, x = nn.Sequential(nn.Linear(3, 5), nn.Dropout(0.5)), torch.randn(2, 3)
    assert torch.equal(forward(layer, (x,))(), layer[0](x))
    to_x, to_weight, to_bias = both(layer, (x,))()
    assert layer.training and to_x.shape == x.shape
    assert to_weight.shape == (5, 3) and to_bias.shape == (5,)


def tiny(ours, usual, **options) -> Case:
    return Case("tiny", inputs=lambda: (torch.randn(3, 5),), ours=ours, baselines=usual, **options)


def test_a_case_becomes_rows():
    case = tiny(torch.tanh, {"sigmoid": lambda x: 2 * torch.sigmoid(2 * x) - 1}, memory=1.0)
    rows = list(Comparison(case, CPU, rounds=3, compiled=False).rows())
    assert [(row.what, row.against) for row in rows] == [
        ("forward", "sigmoid"),
        ("forward + backward", "sigmoid"),
    ]
    assert all(len(row.ours) == len(row.theirs) == 3 for row in rows)


def test_a_form_that_computes_something_else_is_not_measured():
    case = tiny(torch.tanh, {"sigmoid": torch.sigmoid})
    with pytest.raises(ValueError, match="sigmoid computes something else than ours in tiny"):
        list(Comparison(case, CPU, rounds=3, compiled=False).rows())


def test_a_row_judges_time_and_memory():
    slow, fast = [3.0, 3.0, 3.0, 9.0], [1.0, 1.0, 1.0, 3.0]
    row = Row("case", "forward", "usual", fast, slow, target=3, peaks=(50, 1000), memory=0.05)
    assert row.ratio == (3, 3, 3) and row.fast and row.small
    assert not Row("case", "forward", "usual", slow, fast, target=1).fast
    assert not Row("case", "forward", "usual", fast, slow, peaks=(51, 1000), memory=0.05).small
    assert "| **3.00** (3.00–3.00) | ≥ 3 ✓ |" in str(row)


def test_quartiles_surround_the_median():
    values = [5.0, 1.0, 4.0, 2.0, 3.0]
    assert quartiles(values) == (2, statistics.median(values), 4)


def test_a_run_rewrites_its_own_section_only(tmp_path, monkeypatch):
    monkeypatch.setattr(report, "DOCS", tmp_path)
    row = Row("case", "forward", "usual", [1.0, 1.0], [2.0, 2.0])
    faster = Row("case", "forward", "usual", [1.0, 1.0], [7.0, 7.0])
    for slug, rows in (("se", [row]), ("cbam", [row]), ("se", [faster])):
        path = report.write(slug, rows, "One thread.", gpu=False)
    text = path.read_text()
    assert path.name == "benchmarks.md"
    assert [line for line in text.splitlines() if line.startswith("## ")] == ["## cbam", "## se"]
    assert text.count(str(row)) == text.count(str(faster)) == 1
    assert text == report.write("se", [faster], "One thread.", gpu=False).read_text()


@pytest.mark.parametrize("slug", slugs())
def test_every_mechanism_declares_cases_with_a_usual_form(slug):
    made = list(cases(slug))
    assert made and len({case.name for case in made}) == len(made)
    assert all(case.baselines or case.peers for case in made)
