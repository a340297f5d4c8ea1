"""What every mechanism over maps owes its caller, whichever it is."""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

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

C = 8
MECHANISMS = {
    "se": lambda: SqueezeExcitation(C, reduction=2),
    "se_max": lambda: SqueezeExcitation(C, reduction=2, squeeze="max"),
    "se_mean_std": lambda: SqueezeExcitation(C, reduction=2, squeeze="mean_std"),
    "se_learned": lambda: SqueezeExcitation(C, reduction=2, squeeze="learned"),
    "eca": lambda: EfficientChannelAttention(C),
    "multi_scale": lambda: MultiScaleChannelAttention(C),
    "channel_self_attention": lambda: ChannelSelfAttention(C),
    "sk": lambda: SelectiveKernel(C, branches=3, groups=2),
    "channel_gate": lambda: ChannelGate(C, reduction=2),
    "spatial_gate": lambda: SpatialGate(kernel=3),
    "cbam": lambda: CBAM(C, reduction=2),
    "bam": lambda: BAM(C, reduction=2),
    "bam_multiply": lambda: BAM(C, reduction=2, combine="multiply"),
    "coordinate": lambda: CoordinateAttention(C),
    "triplet": lambda: TripletAttention(kernel=3),
    "triplet_without_spatial": lambda: TripletAttention(kernel=3, spatial=False),
    "position": lambda: PositionAttention(C, reduction=2),
    "channel": lambda: ChannelAttention(),
    "channel_official": lambda: ChannelAttention(sign="official"),
    "sea": lambda: SqueezeEnhancedAxialAttention(C, key_dim=3, heads=2, attn_ratio=1.5),
    "seaformer_block": lambda: SeaFormerBlock(C, key_dim=3, heads=2),
}
ONCE_DIFFERENTIABLE = {"position", "sea", "seaformer_block"}
every_mechanism = pytest.mark.parametrize("name", MECHANISMS)


@pytest.fixture(scope="session")
def mechanism(randomise):
    """`mechanism(name)`: in float64, in evaluation mode, away from its initial values."""
    return lambda name, seed=0: randomise(MECHANISMS[name]().double().eval(), seed)


@every_mechanism
@given(
    batch=st.integers(1, 3), height=st.integers(1, 9), width=st.integers(1, 9), seed=st.integers(0)
)
def test_any_map_keeps_its_shape(name, mechanism, features, batch, height, width, seed):
    x = features((batch, C, height, width), seed % 2**31)
    y = mechanism(name)(x)
    assert y.shape == x.shape
    assert y.isfinite().all()


@every_mechanism
def test_the_samples_of_a_batch_do_not_meet(name, mechanism, features):
    module, x = mechanism(name), features((3, C, 5, 7), 0)
    torch.testing.assert_close(module(x)[1:2], module(x[1:2]))


@every_mechanism
def test_gradients_are_right_to_the_second_order(name, mechanism, features):
    module, x = mechanism(name), features((2, C, 2, 3), 1).requires_grad_()
    assert torch.autograd.gradcheck(module, x)
    assert name in ONCE_DIFFERENTIABLE or torch.autograd.gradgradcheck(module, x)


@every_mechanism
def test_every_parameter_gets_a_gradient_in_training(name, randomise, features):
    module = randomise(MECHANISMS[name]().double().train(), 0)
    module(features((2, C, 5, 7), 0)).pow(2).sum().backward()
    for key, parameter in module.named_parameters():
        assert parameter.grad is not None and parameter.grad.abs().max() > 0, key


@every_mechanism
def test_channels_last_changes_neither_output_nor_gradient(name, mechanism, features):
    module, x = mechanism(name), features((2, C, 5, 7), 2).requires_grad_()
    last = x.detach().to(memory_format=torch.channels_last).requires_grad_()
    module(x).pow(2).sum().backward()
    module(last).pow(2).sum().backward()
    torch.testing.assert_close(module(last), module(x))
    torch.testing.assert_close(last.grad, x.grad)


@every_mechanism
def test_bfloat16_follows_float32(name, mechanism, features):
    module, x = mechanism(name).float(), features((2, C, 5, 7), 3).float()
    half = copy.deepcopy(module).bfloat16()(x.bfloat16())
    assert half.dtype == torch.bfloat16
    torch.testing.assert_close(half.float(), module(x), rtol=0.1, atol=0.1)


@every_mechanism
def test_autocast_follows_float32_forward_and_backward(name, mechanism, features):
    module, x = mechanism(name).float(), features((2, C, 5, 7), 4).float().requires_grad_()
    (expected,) = torch.autograd.grad(module(x).sum(), x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        y = module(x)
    torch.testing.assert_close(y.float(), module(x), rtol=0.1, atol=0.1)
    (grad,) = torch.autograd.grad(y.float().sum(), x)
    torch.testing.assert_close(grad, expected, rtol=0.2, atol=0.2)


@every_mechanism
def test_compiles_as_one_graph(name, mechanism, features):
    module, x = mechanism(name).train(), features((2, C, 5, 7), 5).requires_grad_()
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True, backend="aot_eager")
    ours, expected = compiled(x), module(x)
    torch.testing.assert_close(ours, expected)
    grad = torch.randn_like(expected)
    torch.testing.assert_close(
        torch.autograd.grad(ours, x, grad), torch.autograd.grad(expected, x, grad)
    )


@every_mechanism
def test_exports_for_any_batch_and_map(name, mechanism, features):
    module = mechanism(name)
    auto = torch.export.Dim.AUTO
    program = torch.export.export(
        module, (features((2, C, 6, 7), 6),), dynamic_shapes=({0: auto, 2: auto, 3: auto},)
    )
    x = features((3, C, 5, 9), 7)
    torch.testing.assert_close(program.module()(x), module(x))


@every_mechanism
def test_state_dict_carries_everything(name, mechanism, features):
    module, x = mechanism(name), features((2, C, 5, 7), 8)
    other = MECHANISMS[name]().double().eval()
    other.load_state_dict(module.state_dict())
    assert torch.equal(other(x), module(x))


@every_mechanism
def test_the_input_stays_as_it_was(name, mechanism, features):
    x = features((2, C, 5, 7), 9)
    before = x.clone()
    mechanism(name).train()(x)
    assert torch.equal(x, before)


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
@pytest.mark.parametrize("channels_last", [False, True])
def test_a_gpu_agrees(name, mechanism, features, channels_last):
    module, x = mechanism(name), features((2, C, 5, 7), 10)
    expected = module(x)
    there = copy.deepcopy(module).cuda()
    layout = torch.channels_last if channels_last else torch.contiguous_format
    y = there(x.cuda().to(memory_format=layout))
    torch.testing.assert_close(y.cpu(), expected)


@pytest.mark.gpu
@every_mechanism
def test_a_gpu_trains_compiled_and_in_half_precision(name, mechanism, features):
    module = mechanism(name).float().cuda().train()
    x = features((2, C, 16, 16), 11).float().cuda().requires_grad_()
    compiled = torch.compile(copy.deepcopy(module), fullgraph=True, dynamic=False)
    with torch.autocast("cuda", dtype=torch.bfloat16):
        y = compiled(x)
    y.float().sum().backward()
    torch.testing.assert_close(y.float(), module(x), rtol=0.1, atol=0.1)
    assert x.grad.isfinite().all()
