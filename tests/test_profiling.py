import copy
import time

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from attncourse.profiling import cost, longest_chain, macs, parameters, peak_bytes, seconds

FLOAT = 4  # bytes


def test_a_shared_tensor_counts_once():
    first, second = nn.Linear(5, 5), nn.Linear(5, 5)
    second.weight = first.weight
    assert parameters(nn.Sequential(first, second)) == 25 + 5 + 5


@given(
    batch=st.integers(1, 3),
    size=st.integers(3, 9),
    kernel=st.sampled_from([1, 3]),
    groups=st.sampled_from([1, 2]),
)
def test_products_of_a_convolution(batch, size, kernel, groups):
    conv = nn.Conv2d(4, 6, kernel, groups=groups)
    side = size - kernel + 1
    expected = batch * side**2 * 6 * (4 // groups) * kernel**2
    assert macs(conv, torch.ones(batch, 4, size, size)) == expected


def test_norms_and_resizing_count_only_where_the_convention_says_so():
    net = nn.Sequential(nn.BatchNorm2d(3), nn.UpsamplingBilinear2d(scale_factor=2), nn.ReLU())
    x = torch.ones(2, 3, 5, 7)
    assert macs(net, x) == 0
    assert macs(net, x, convention="products and norms") == x.numel() * (2 + 4 * 4)
    assert macs(net, x, convention="all layers") == x.numel() * (2 + 4 * 4 + 4)
    plain = nn.BatchNorm2d(3, affine=False)
    assert macs(plain, x, convention="products and norms") == x.numel()


@pytest.mark.parametrize(
    "layer", [nn.MaxPool2d(2), nn.AvgPool2d(2), nn.AdaptiveAvgPool2d(1), nn.AdaptiveAvgPool2d(2)]
)
def test_pooling_costs_what_it_reads(layer):
    x = torch.ones(2, 3, 6, 8)
    assert macs(layer, x, convention="all layers") == x.numel()
    assert macs(layer, x, convention="products and norms") == 0


class FusedAttention(nn.Module):
    def forward(self, query, key, value):
        return F.scaled_dot_product_attention(query, key, value)


def test_fused_attention_counts_as_two_products():
    query, key, value = torch.ones(2, 5, 8), torch.ones(2, 7, 8), torch.ones(2, 7, 16)
    assert macs(FusedAttention(), query, key, value) == 2 * 5 * 7 * (8 + 16)
    x = torch.ones(2, 7, 16)
    projections, scores_and_mixing = 4 * 2 * 7 * 16**2, 2 * 2 * 7**2 * 16
    attention = nn.MultiheadAttention(16, 4, batch_first=True)
    assert macs(attention, x, x, x) == projections + scores_and_mixing


def test_counting_needs_no_memory_and_leaves_no_trace():
    def build():
        return nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.Dropout()).train()

    net = build()
    net[1].eval()
    before = copy.deepcopy(net.state_dict())
    count = macs(net, torch.ones(2, 3, 9, 9))
    assert [part.training for part in net] == [True, False, True]
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    with torch.device("meta"):
        assert macs(build(), torch.ones(2, 3, 9, 9)) == count


def test_an_unknown_convention_is_refused():
    with pytest.raises(ValueError, match="products and norms"):
        macs(nn.Identity(), torch.ones(1), convention="guesses")


def test_peak_memory_counts_what_lives_at_one_moment():
    x = torch.ones(1000)
    assert peak_bytes(lambda: x.view(10, 100).t()) == 0
    assert peak_bytes(lambda: (x + 1).view(-1)[:7]) == 1000 * FLOAT
    assert peak_bytes(lambda: [x + 1 for _ in range(3)]) == 3000 * FLOAT
    assert peak_bytes(lambda: x.add(1).add(1).add(1)) == 2000 * FLOAT  # the first is freed by then


def test_peak_memory_sees_what_the_backward_pass_keeps():
    x = torch.ones(1000, requires_grad=True)
    with torch.no_grad():
        without = peak_bytes(lambda: x.exp().exp().exp())
    assert peak_bytes(lambda: x.exp().exp().exp()) == without + 1000 * FLOAT


def test_seconds_is_the_time_of_one_call():
    assert 2e-3 < seconds(lambda: time.sleep(2e-3), min_run_time=0.05) < 20e-3


def test_cost_gathers_all_four():
    net = nn.Linear(30, 20).train()
    found = cost(net, torch.ones(5, 30))
    assert (found.parameters, found.macs, found.peak_bytes) == (620, 3000, 100 * FLOAT)
    assert found.seconds > 0
    assert net.training


def test_what_waits_counts_and_what_runs_side_by_side_does_not():
    x = torch.ones(3, requires_grad=True)
    assert longest_chain(x.exp()) == 2  # x itself, then its exponential
    assert longest_chain(x.exp().exp()) == 3
    assert longest_chain(x.exp() + x.sin()) == 3
    assert longest_chain(x.sin() + x.exp().sin().cos()) == 5


def test_a_chain_longer_than_the_stack_of_python():
    x = torch.ones((), requires_grad=True)
    for _ in range(5_000):
        x = x + 1
    assert longest_chain(x) == 5_001


def test_a_recurrent_network_waits_for_each_symbol():
    gru = nn.GRU(2, 3)
    short, long = (longest_chain(gru(torch.ones(n, 1, 2))[0]) for n in (10, 20))
    assert long - short == (longest_chain(gru(torch.ones(30, 1, 2))[0]) - long) > 10


def test_without_a_graph_there_is_no_chain():
    with pytest.raises(ValueError, match="gradients"):
        longest_chain(torch.ones(3))
