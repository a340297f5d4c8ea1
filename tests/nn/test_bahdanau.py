"""Bahdanau's attention against its formula in loops, and against laws."""

import copy
import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.testing import assert_close

from attncourse.nn.bahdanau import BahdanauAttention
from attncourse.profiling import parameters
from benchmarks.baselines import bahdanau as baselines
from benchmarks.traffic import traffic

B, T, S, DQ, DK, A = 2, 3, 5, 7, 11, 13
SEEDS, SIZES = st.integers(0, 2**31 - 1), st.integers(1, 6)


@pytest.fixture(scope="session")
def attention(randomise):
    """`attention(seed)`: in float64, away from its initial values."""

    def make(seed: int = 0) -> BahdanauAttention:
        module = BahdanauAttention(DQ, DK, align_dim=A, bias=True)
        return randomise(module.double(), seed)

    return make


def inputs(seed: int = 0, b: int = B, t: int = T, s: int = S) -> tuple[Tensor, Tensor, Tensor]:
    """Queries, keys with an offset, and a mask that leaves every query something."""
    generator = torch.Generator().manual_seed(seed)
    query = torch.randn(b, t, DQ, dtype=torch.float64, generator=generator)
    keys = 0.5 + torch.randn(b, s, DK, dtype=torch.float64, generator=generator)
    mask = torch.rand(b, t, s, generator=generator) < 0.6
    mask[..., 0] |= ~mask.any(-1)
    return query, keys, mask


def test_the_formula_in_loops(attention):
    module, (query, keys, mask) = attention(), inputs()
    context, weights = module(query, keys, mask=mask)
    w, u = module.query_projection.weight.tolist(), module.key_projection.weight.tolist()
    bias, v = module.key_projection.bias.tolist(), module.v.tolist()
    for b in range(B):
        for t in range(T):
            exponentials = []
            for s in range(S):
                score = 0.0
                for a in range(A):
                    x = bias[a]
                    x += sum(w[a][d] * query[b, t, d].item() for d in range(DQ))
                    x += sum(u[a][d] * keys[b, s, d].item() for d in range(DK))
                    score += v[a] * math.tanh(x)
                exponentials.append(math.exp(score) if mask[b, t, s] else 0.0)
            expected = [e / sum(exponentials) for e in exponentials]
            assert weights[b, t].tolist() == pytest.approx(expected)
            for d in range(DK):
                mean = sum(expected[s] * keys[b, s, d].item() for s in range(S))
                assert context[b, t, d].item() == pytest.approx(mean)


@given(SEEDS, SIZES, SIZES, SIZES)
def test_weights_sum_to_one_and_contexts_lie_among_the_keys(attention, seed, b, t, s):
    query, keys, mask = inputs(seed, b, t, s)
    context, weights = attention(seed)(query, keys, mask=mask)
    assert_close(weights.sum(-1), torch.ones(b, t, dtype=torch.float64))
    assert torch.equal(weights > 0, mask)
    low, high = keys.amin(1, keepdim=True), keys.amax(1, keepdim=True)
    assert ((low - 1e-12 <= context) & (context <= high + 1e-12)).all()


@given(SEEDS, SIZES, SIZES, SIZES)
def test_permuted_keys_permute_the_weights_and_leave_the_context(attention, seed, b, t, s):
    module, (query, keys, mask) = attention(seed), inputs(seed, b, t, s)
    order = torch.randperm(s, generator=torch.Generator().manual_seed(seed))
    context, weights = module(query, keys, mask=mask)
    again, permuted = module(query, keys[:, order], mask=mask[..., order])
    assert_close(again, context)
    assert_close(permuted, weights[..., order])


@given(SEEDS, SIZES, SIZES)
def test_permuted_queries_permute_the_contexts(attention, seed, t, s):
    module, (query, keys, _) = attention(seed), inputs(seed, B, t, s)
    order = torch.randperm(t, generator=torch.Generator().manual_seed(seed))
    assert_close(module(query[:, order], keys)[0], module(query, keys)[0][:, order])


@given(SEEDS, SIZES, SIZES)
def test_a_masked_key_is_a_removed_key(attention, seed, t, s):
    module, (query, keys, mask) = attention(seed), inputs(seed, 1, t, s)
    seen = mask[:, 0]  # (B, S): one mask for all queries
    context, weights = module(query, keys, mask=seen)
    shorter, fewer = module(query, keys[:, seen[0]])
    assert_close(context, shorter)
    assert_close(weights[..., seen[0]], fewer)


@given(SEEDS, SIZES)
def test_a_padded_batch_gives_what_each_sentence_gives_alone(attention, seed, t):
    module, (query, keys, _) = attention(seed), inputs(seed, 3, t, 6)
    lengths = torch.tensor([6, 1, 4])
    together, _ = module(query, keys, mask=torch.arange(6) < lengths[:, None])
    for i, length in enumerate(lengths):
        assert_close(together[i : i + 1], module(query[i : i + 1], keys[i : i + 1, :length])[0])


def test_a_query_that_may_attend_to_nothing_gets_zeros_and_gives_no_gradient(attention):
    module, (query, keys, mask) = attention(), inputs()
    mask[0, 1], mask[1] = False, False
    query.requires_grad_(), keys.requires_grad_()
    context, weights = module(query, keys, mask=mask)
    context.pow(2).sum().backward()
    assert not context[~mask.any(-1)].any() and not weights[~mask].any()
    assert not query.grad[~mask.any(-1)].any() and not keys.grad[1].any()
    assert query.grad[0, 0].any() and keys.grad[0].any()
    assert all(p.grad.isfinite().all() for p in module.parameters())


def test_a_single_key_is_its_own_context(attention):
    query, keys, _ = inputs(s=1)
    context, weights = attention()(query, keys)
    assert_close(context, keys.expand(B, T, DK))
    assert torch.equal(weights, torch.ones_like(weights))


def test_equal_scores_give_the_mean(attention):
    module, (query, keys, _) = attention(), inputs()
    torch.nn.init.zeros_(module.v)
    assert_close(module(query, keys)[0], keys.mean(1, keepdim=True).expand(B, T, DK))


def test_known_keys_step_by_step_are_all_queries_at_once(attention):
    module, (query, keys, mask) = attention(), inputs()
    projected = module.project_keys(keys)
    steps = [
        module(query[:, t : t + 1], keys, mask=mask[:, t : t + 1], projected_keys=projected)
        for t in range(T)
    ]
    for together, apart in zip(
        module(query, keys, mask=mask), zip(*steps, strict=True), strict=True
    ):
        assert_close(together, torch.cat(apart, dim=1))


@pytest.mark.parametrize("form", [baselines.BroadcastAttention, baselines.StepAttention])
def test_the_usual_forms_compute_the_same(randomise, form):
    module = randomise(BahdanauAttention(DQ, DK, align_dim=A).double(), 3)
    query, keys, _ = (x.requires_grad_(x.is_floating_point()) for x in inputs())
    theirs = form.like(module)(query, keys)
    ours = module(query, keys)
    for one, other in zip(ours, theirs, strict=True):
        assert_close(one, other)
    grad = torch.rand_like(ours[0])
    for one, other in zip(
        torch.autograd.grad(ours[0], (query, keys), grad),
        torch.autograd.grad(theirs[0], (query, keys), grad),
        strict=True,
    ):
        assert_close(one, other)


def test_gradients_are_right_to_the_second_order(attention):
    module, (query, keys, mask) = attention(), inputs(b=1, t=2, s=3)
    query.requires_grad_(), keys.requires_grad_()

    def run(query, keys, *weights):
        names = [name for name, _ in module.named_parameters()]
        given = dict(zip(names, weights, strict=True))
        return torch.func.functional_call(module, given, (query, keys), {"mask": mask})

    assert torch.autograd.gradcheck(run, (query, keys, *module.parameters()))
    assert torch.autograd.gradgradcheck(run, (query, keys, *module.parameters()))


def test_no_tensor_of_all_pairs_and_features_is_made():
    b, t, s, d = 2, 64, 67, 128
    module, query, keys = BahdanauAttention(d), torch.randn(b, t, d), torch.randn(b, s, d)

    def train(module):
        module(query, keys)[0].sum().backward()

    assert traffic(train, baselines.BroadcastAttention.like(module)).largest == b * t * s * d
    assert traffic(train, module).largest < t * s * d


def test_known_keys_are_not_projected_again(attention):
    module, (query, keys, _) = attention(), inputs()
    known, calls = module.project_keys(keys), []
    module.key_projection.register_forward_hook(lambda *call: calls.append(call))
    module(query, keys, projected_keys=known)
    assert not calls
    module(query, keys)
    assert len(calls) == 1


def test_bfloat16_and_autocast_follow_float32(attention):
    module, (query, keys, mask) = attention().float(), inputs()
    query, keys = query.float(), keys.float()
    exact = module(query, keys, mask=mask)
    half = copy.deepcopy(module).bfloat16()(query.bfloat16(), keys.bfloat16(), mask=mask)
    with torch.autocast("cpu", torch.bfloat16):
        mixed = module(query, keys, mask=mask)
        mixed[0].float().sum().backward()
    for got in (half, mixed):
        for one, other in zip(got, exact, strict=True):
            assert_close(one.float(), other, rtol=0.1, atol=0.05)
    assert half[0].dtype == torch.bfloat16
    assert all(p.grad.isfinite().all() for p in module.parameters())


@pytest.mark.parametrize("targets", [1, T])
def test_it_compiles_as_one_graph(attention, targets):
    module, (query, keys, mask) = attention(), inputs(t=targets)
    query.requires_grad_()
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True, backend="aot_eager")
    ours, expected = compiled(query, keys, mask=mask), module(query, keys, mask=mask)
    assert_close(ours, expected)
    assert_close(
        torch.autograd.grad(ours[0].sum(), query), torch.autograd.grad(expected[0].sum(), query)
    )


def test_it_exports_for_any_batch_and_length(attention):
    module, auto = attention(), torch.export.Dim.AUTO
    query, keys, mask = inputs()
    free = {0: auto, 1: auto}
    program = torch.export.export(
        module,
        (query, keys),
        {"mask": mask},
        dynamic_shapes={"query": free, "keys": free, "mask": free | {2: auto}},
    )
    query, keys, mask = inputs(1, 4, 6, 8)
    assert_close(program.module()(query, keys, mask=mask), module(query, keys, mask=mask))


def test_state_dict_carries_everything(attention):
    module, (query, keys, _) = attention(), inputs()
    other = attention(1)
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(query, keys)[0], module(query, keys)[0])
    assert set(module.state_dict()) == {
        "query_projection.weight",
        "key_projection.weight",
        "key_projection.bias",
        "v",
    }


def test_sizes_default_to_the_query_and_count_as_in_the_paper():
    assert parameters(BahdanauAttention(DQ)) == 2 * DQ * DQ + DQ
    n = 1000  # the paper's decoder, its two-way annotations, and its alignment model
    assert parameters(BahdanauAttention(n, 2 * n, align_dim=n)) == n * n + 2 * n * n + n


@pytest.mark.gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_a_gpu_agrees(attention, compiled):
    module, (query, keys, mask) = attention(), inputs()
    there = copy.deepcopy(module).cuda()
    run = torch.compile(there, fullgraph=True) if compiled else there
    got = run(query.cuda(), keys.cuda(), mask=mask.cuda())
    for one, other in zip(got, module(query, keys, mask=mask), strict=True):
        assert_close(one.cpu(), other)


@pytest.mark.parametrize("name", ["query_dim", "key_dim", "align_dim"])
def test_sizes_below_one_are_refused(name):
    with pytest.raises(ValueError, match=f"{name} must be a positive integer, got 0"):
        BahdanauAttention(**{"query_dim": DQ} | {name: 0})


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda q, k, m: (q[0], k, m), r"query and keys must be \(B, T, 7\) and \(B, S, 11\), got"),
        (lambda q, k, m: (k, q, m), r"query and keys must be \(B, T, 7\) and \(B, S, 11\), got"),
        (lambda q, k, m: (q, k[:1], m), r"\(B, T, 7\) and .* got \(2, 3, 7\) and \(1, 5, 11\)"),
        (lambda q, k, m: (q, k, m[:, :1, :1]), r"mask must be \(B, S\) = \(2, 5\) or"),
        (lambda q, k, m: (q, k, m[0]), r"mask must be \(B, S\) = \(2, 5\) or"),
    ],
)
def test_shapes_that_do_not_fit_are_refused(attention, change, message):
    query, keys, mask = change(*inputs())
    with pytest.raises(ValueError, match=message):
        attention()(query, keys, mask=mask)


@pytest.mark.parametrize("wrong", [(B, S + 1, A), (B, S, A + 1), (S, A)])
def test_known_keys_of_another_shape_are_refused(attention, wrong):
    query, keys, _ = inputs()
    with pytest.raises(ValueError, match=r"projected_keys must be \(B, S, A\) = \(2, 5, 13\), got"):
        attention()(query, keys, projected_keys=torch.zeros(wrong).double())


def test_a_mask_of_numbers_is_refused(attention):
    query, keys, mask = inputs()
    with pytest.raises(TypeError, match="mask must be boolean"):
        attention()(query, keys, mask=mask.double())
