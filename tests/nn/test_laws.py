"""What every mechanism owes its caller, whichever it is: laws × mechanisms."""

import copy
import inspect
from importlib import import_module
from pkgutil import iter_modules

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

import attncourse.nn
from attncourse.nn.cbam import BAM, CBAM, ChannelGate, SpatialGate
from attncourse.nn.conv_norm import ConvNorm
from attncourse.nn.coordinate import CoordinateAttention
from attncourse.nn.danet import ChannelAttention, DANetHead, PositionAttention
from attncourse.nn.se import (
    ChannelSelfAttention,
    EfficientChannelAttention,
    MultiScaleChannelAttention,
    SqueezeExcitation,
)
from attncourse.nn.seaformer import DropPath, SeaFormerBlock, SqueezeEnhancedAxialAttention
from attncourse.nn.sk import SelectiveKernel
from attncourse.nn.triplet import TripletAttention
from tests.nn.mechanisms import EXEMPT, MAPS, MECHANISMS

ONCE_DIFFERENTIABLE = {"position", "danet_head", "sea", "seaformer_block"}
LEARNING = [name for name, row in MECHANISMS.items() if list(row.make().parameters())]
every_mechanism = pytest.mark.parametrize("name", MECHANISMS)


@pytest.fixture(scope="session")
def mechanism(randomise):
    """`mechanism(name)`: in float64, in evaluation mode, away from its initial values."""
    return lambda name, seed=0: randomise(MECHANISMS[name].make().double().eval(), seed)


def first(output):
    """The output that has a promised shape."""
    return output if isinstance(output, Tensor) else output[0]


def outputs(output):
    """All tensors among the outputs."""
    return [output] if isinstance(output, Tensor) else [x for x in output if x is not None]


def learned(inputs):
    """The same inputs, which gradients are asked for."""
    return tuple(x.detach().requires_grad_() for x in inputs)


def classes():
    """Every class that is defined in this room."""
    for info in iter_modules(attncourse.nn.__path__):
        module = import_module(f"attncourse.nn.{info.name}")
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__:
                yield kind


def test_every_public_module_is_held_to_the_laws():
    public = {c.__name__ for c in classes() if issubclass(c, nn.Module) and c.__name__[0] != "_"}
    held = {type(mechanism.make()).__name__ for mechanism in MECHANISMS.values()}
    assert public - held == set(EXEMPT)


def test_gradients_written_by_hand_are_in_functional_alone():
    assert not [kind for kind in classes() if issubclass(kind, torch.autograd.Function)]


@every_mechanism
@given(
    batch=st.integers(1, 3), height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0)
)
def test_any_size_gives_the_promised_shape(name, mechanism, batch, height, width, seed):
    row, size = MECHANISMS[name], (batch, height, width)
    y = first(mechanism(name)(*row.draw(size, seed % 2**31)))
    assert y.shape == row.out(size)
    assert y.isfinite().all()


@every_mechanism
def test_the_samples_of_a_batch_do_not_meet(name, mechanism):
    module, inputs = mechanism(name), MECHANISMS[name].draw((3, 5, 7))
    alone = module(*(x[1:2] for x in inputs))
    torch.testing.assert_close(first(module(*inputs))[1:2], first(alone))


@every_mechanism
def test_gradients_are_right_to_the_second_order(name, mechanism):
    module, inputs = mechanism(name), learned(MECHANISMS[name].draw((2, 2, 3), 1))

    def run(*inputs):
        return first(module(*inputs))

    assert torch.autograd.gradcheck(run, inputs)
    with sdpa_kernel(SDPBackend.MATH):  # torch's fused attention is differentiable once
        assert name in ONCE_DIFFERENTIABLE or torch.autograd.gradgradcheck(run, inputs)


@pytest.mark.parametrize("name", LEARNING)
def test_every_parameter_gets_a_gradient_in_training(name, mechanism):
    module = mechanism(name).train()
    given = outputs(module(*MECHANISMS[name].draw((2, 5, 7))))
    sum(y.pow(2).sum() for y in given).backward()
    for key, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, key


@pytest.mark.parametrize("name", MAPS)
def test_channels_last_changes_neither_output_nor_gradient(name, mechanism):
    module, (x,) = mechanism(name), learned(MECHANISMS[name].draw((2, 5, 7), 2))
    last = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    module(x).pow(2).sum().backward()
    module(last).pow(2).sum().backward()
    torch.testing.assert_close(module(last), module(x))
    torch.testing.assert_close(last.grad, x.grad)


@every_mechanism
def test_bfloat16_follows_float32(name, mechanism):
    module = mechanism(name).float()
    inputs = [x.float() for x in MECHANISMS[name].draw((2, 5, 7), 3)]
    half = first(copy.deepcopy(module).bfloat16()(*(x.bfloat16() for x in inputs)))
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), first(module(*inputs)), rtol=0.1, atol=0.1)


@every_mechanism
def test_autocast_follows_float32_forward_and_backward(name, mechanism):
    module = mechanism(name).float()
    inputs = learned(x.float() for x in MECHANISMS[name].draw((2, 5, 7), 4))
    exact = first(module(*inputs))
    expected = torch.autograd.grad(exact.sum(), inputs)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = first(module(*inputs))
    torch.testing.assert_close(y.float(), exact, rtol=0.1, atol=0.1)
    grads = torch.autograd.grad(y.float().sum(), inputs)
    torch.testing.assert_close(grads, expected, rtol=0.2, atol=0.2)


@every_mechanism
def test_compiles_as_one_graph(name, mechanism):
    module, inputs = mechanism(name).train(), learned(MECHANISMS[name].draw((2, 5, 7), 5))
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True, backend="aot_eager")
    ours, expected = first(compiled(*inputs)), first(module(*inputs))
    torch.testing.assert_close(ours, expected)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(ours, inputs, grad), torch.autograd.grad(expected, inputs, grad)
    )


@every_mechanism
def test_exports_for_any_size(name, mechanism):
    row, module = MECHANISMS[name], mechanism(name)
    small, large = row.draw((2, 6, 7), 6), row.draw((3, 5, 9), 7)
    free = [_free(one, other) for one, other in zip(small, large, strict=True)]
    program = torch.export.export(Positional(module), small, dynamic_shapes=(tuple(free),))
    torch.testing.assert_close(program.module()(*large), tuple(outputs(module(*large))))


class Positional(nn.Module):
    """A module whose inputs are a list, and whose outputs are all tensors."""

    def __init__(self, module):
        super().__init__()
        self.module = module

    def forward(self, *inputs):
        return tuple(outputs(self.module(*inputs)))


def _free(one, other):
    """The axes in which two inputs differ, as free ones."""
    sizes = enumerate(zip(one.shape, other.shape, strict=True))
    return {axis: torch.export.Dim.AUTO for axis, (a, b) in sizes if a != b}


@every_mechanism
def test_state_dict_carries_everything(name, mechanism):
    module, inputs = mechanism(name), MECHANISMS[name].draw((2, 5, 7), 8)
    other = MECHANISMS[name].make().double().eval()
    other.load_state_dict(module.state_dict())
    assert torch.equal(first(other(*inputs)), first(module(*inputs)))


@every_mechanism
def test_the_inputs_stay_as_they_were(name, mechanism):
    inputs = MECHANISMS[name].draw((2, 5, 7), 9)
    before = [x.clone() for x in inputs]
    mechanism(name).train()(*inputs)
    assert all(map(torch.equal, inputs, before))


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: SqueezeExcitation(8, reduction=9), "at most channels=8, got 9"),
        (lambda: SqueezeExcitation(8, reduction=0), "reduction must be a positive integer, got 0"),
        (lambda: SqueezeExcitation(8, reduction=2, squeeze="median"), "'mean', 'max'"),
        (lambda: EfficientChannelAttention(8, kernel=4), "odd positive integer, got 4"),
        (lambda: EfficientChannelAttention(0), "channels must be a positive integer, got 0"),
        (lambda: MultiScaleChannelAttention(8, kernels=()), "at least one size"),
        (lambda: MultiScaleChannelAttention(8, kernels=(3, 2)), "odd positive integer, got 2"),
        (lambda: ChannelSelfAttention(8, width=0), "width must be a positive integer, got 0"),
        (lambda: SelectiveKernel(8, groups=3), "groups must divide channels=8 and 8, got 3"),
        (lambda: SelectiveKernel(32, branches=0), "branches must be a positive integer, got 0"),
        (lambda: ChannelGate(8, reduction=9), "at most channels=8, got 9"),
        (lambda: SpatialGate(kernel=2), "odd positive integer, got 2"),
        (lambda: CBAM(8, reduction=2, kernel=0), "odd positive integer, got 0"),
        (lambda: BAM(8, reduction=2, dilation=0), "dilation must be a positive integer, got 0"),
        (lambda: BAM(8, reduction=2, combine="max"), "'add', 'multiply'"),
        (lambda: CoordinateAttention(8, reduction=0), "reduction must be a positive integer"),
        (lambda: TripletAttention(kernel=6), "odd positive integer, got 6"),
        (lambda: PositionAttention(8, reduction=9), "at most channels=8, got 9"),
        (lambda: ChannelAttention(sign="minus"), "'paper', 'official'"),
        (lambda: DANetHead(3, num_classes=2), "at most channels=3, got 4"),
        (lambda: DANetHead(64, num_classes=0), "num_classes must be a positive integer, got 0"),
        (lambda: SqueezeEnhancedAxialAttention(8, heads=0), "heads must be a positive integer"),
        (lambda: SqueezeEnhancedAxialAttention(8, attn_ratio=0.05), "at least 1/key_dim = 1/16"),
        (lambda: SeaFormerBlock(8, mlp_ratio=0), "mlp_ratio must be a positive integer, got 0"),
        (lambda: DropPath(1), r"in \[0, 1\), got 1"),
        (lambda: ConvNorm(8, 0), "out_channels must be a positive integer, got 0"),
        (lambda: ConvNorm(8, 8, kernel=2), "kernel must be odd, got 2"),
    ],
)
def test_wrong_arguments_are_named(build, says):
    with pytest.raises(ValueError, match=says):
        build()


@pytest.mark.gpu
@every_mechanism
def test_a_gpu_agrees(name, mechanism):
    module, inputs = mechanism(name), MECHANISMS[name].draw((2, 5, 7), 10)
    there = copy.deepcopy(module).cuda()
    y = first(there(*(x.cuda() for x in inputs)))
    torch.testing.assert_close(y.cpu(), first(module(*inputs)))


@pytest.mark.gpu
@pytest.mark.parametrize("name", MAPS)
def test_a_gpu_agrees_on_channels_last(name, mechanism):
    module, (x,) = mechanism(name), MECHANISMS[name].draw((2, 5, 7), 10)
    there = copy.deepcopy(module).cuda()
    y = there(x.cuda().to(memory_format=torch.channels_last))
    torch.testing.assert_close(y.cpu(), module(x))


@pytest.mark.gpu
@every_mechanism
def test_a_gpu_trains_compiled_and_in_half_precision(name, mechanism):
    module = mechanism(name).float().cuda().train()
    inputs = learned(x.float().cuda() for x in MECHANISMS[name].draw((2, 16, 16), 11))
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True, dynamic=False)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        y = first(compiled(*inputs))
    y.float().sum().backward()
    torch.testing.assert_close(y.float(), first(module(*inputs)), rtol=0.1, atol=0.1)
    assert all(x.grad.isfinite().all() for x in inputs)
