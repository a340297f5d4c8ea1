"""ResNet, ResNeXt, SKNet and MobileNetV2: where the gates stand, and what the networks cost."""

import re
from functools import partial

import pytest
import torch
from torch import nn

from attncourse.models import available, create
from attncourse.models.mobilenetv2 import InvertedResidual, MobileNetV2
from attncourse.models.resnet import Basic, Bottleneck
from attncourse.models.sknet import SKUnit
from attncourse.nn.se import SqueezeExcitation
from attncourse.nn.sk import SelectiveKernel
from attncourse.nn.triplet import TripletAttention
from attncourse.profiling import macs, parameters

FAMILIES = ("resnet", "resnext", "sknet", "mobilenetv2")
NAMES = [name for name in available() if re.match(rf"((?!danet)\w+_)?({'|'.join(FAMILIES)})", name)]


class Scale(nn.Module):
    """A gate of one number."""

    def __init__(self, factor):
        super().__init__()
        self.factor = factor

    def forward(self, x):
        return self.factor * x


def on_meta(name, **options):
    with torch.device("meta"):
        return create(name, **options)


def of_kind(network, kind):
    return [module for module in network.modules() if isinstance(module, kind)]


@pytest.mark.parametrize("name", NAMES)
def test_every_network_learns_from_a_small_batch(name):
    network = create(name, num_classes=7)
    logits = network(torch.randn(2, 3, 33, 40))
    assert logits.shape == (2, 7)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in network.parameters())


@pytest.mark.parametrize(
    "kind", [Basic, partial(Bottleneck, groups=2), partial(SKUnit, kernel=SelectiveKernel)]
)
@pytest.mark.parametrize("stride", [1, 2])
def test_a_block_halves_the_map_with_its_stride(kind, stride):
    block = kind(64, 32, stride=stride).eval()
    side = 7 // stride + 7 % stride
    assert block(torch.randn(2, 64, 7, 7)).shape == (2, block.out_channels, side, side)


@pytest.mark.parametrize("kind", [Basic, Bottleneck])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_gate_closes_the_branch_before_the_addition(kind, stride):
    block = kind(32, 32, stride=stride, gate=lambda _: Scale(0.25)).eval()
    x = torch.randn(2, 32, 6, 6)
    torch.testing.assert_close(block(x), (0.25 * block.body(x) + block.shortcut(x)).relu())


def test_any_gate_can_be_given():
    network = on_meta("resnet18", attention=partial(SqueezeExcitation, reduction=4))
    assert parameters(network) > parameters(on_meta("se_resnet18"))


def test_where_the_stride_is_changes_the_cost_and_not_the_parameters():
    first, second = on_meta("resnet50", stride_first=True), on_meta("resnet50")
    image = torch.empty(1, 3, 224, 224, device="meta")
    assert parameters(first) == parameters(second) == 25_557_032
    assert macs(first, image) < macs(second, image)


@pytest.mark.parametrize("output_stride, side", [(32, 2), (16, 4), (8, 8)])
def test_a_dilated_network_keeps_its_maps_and_its_parameters(output_stride, side):
    network = on_meta("resnet50", output_stride=output_stride)
    maps = network.features(torch.empty(1, 3, 64, 64, device="meta"))
    assert maps.shape == (1, network.channels, side, side) == (1, 2048, side, side)
    assert parameters(network) == parameters(on_meta("resnet50"))


def test_dilations_make_up_for_the_missing_strides():
    def dilations(stage):
        spatial = [c for c in of_kind(stage, nn.Conv2d) if c.kernel_size == (3, 3)]
        return [conv.dilation[0] for conv in spatial]

    plain = on_meta("resnet50", output_stride=8)
    assert [dilations(s) for s in plain.stages[2:]] == [[1, 2, 2, 2, 2, 2], [2, 4, 4]]
    gridded = on_meta("resnet50", output_stride=8, multi_grid=(4, 8, 16))
    assert dilations(gridded.stages[3]) == [4, 8, 16]


def test_a_dilated_network_sees_on_the_dense_grid_what_the_plain_one_sees_on_the_coarse_one():
    plain = create("resnet50", num_classes=2).double().eval()
    dense = create("resnet50", num_classes=2, output_stride=8).double().eval()
    dense.load_state_dict(plain.state_dict())
    x = torch.randn(1, 3, 64, 64, dtype=torch.float64)
    coarse = plain.stages[:3](plain.stem(x))
    torch.testing.assert_close(dense.stages[:3](dense.stem(x))[..., ::2, ::2], coarse)


@pytest.mark.parametrize(
    "options, says",
    [
        ({"output_stride": 4}, "output_stride must be 8, 16 or 32, got 4"),
        ({"multi_grid": (1, 2)}, "each of the 3 blocks"),
        ({"num_classes": 0}, "num_classes must be a positive integer, got 0"),
    ],
)
def test_wrong_options_are_named(options, says):
    with pytest.raises(ValueError, match=says):
        on_meta("resnet50", **options)


# SKNet


def test_sknet_has_selective_kernels_in_the_place_of_3x3_convolutions():
    network = on_meta("sknet50")
    units = of_kind(network, SelectiveKernel)
    assert [unit.select.in_features for unit in units] == [32] * 13 + [64] * 3
    assert all(unit.branches[0][0].conv.groups == 32 for unit in units)
    assert parameters(network) == 27_479_784
    assert len(of_kind(on_meta("sknet101"), SelectiveKernel)) == 33


def test_sknets_options_reach_its_units():
    network = on_meta("sknet50", branches=3, groups=16, reduction=8, min_hidden=24)
    unit = of_kind(network, SelectiveKernel)[-1]
    assert len(unit.branches) == 3 and unit.branches[0][0].conv.groups == 16
    assert [u.select.in_features for u in of_kind(network, SelectiveKernel)][0::15] == [24, 128]


def test_sknet_is_not_dilated():
    with pytest.raises(ValueError, match="cannot be dilated as a whole, got 2"):
        on_meta("sknet50", output_stride=8)


# MobileNetV2


@pytest.mark.parametrize("channels, out_channels, stride", [(8, 8, 1), (8, 8, 2), (8, 12, 1)])
def test_an_inverted_residual_has_a_shortcut_where_shapes_agree(channels, out_channels, stride):
    block = InvertedResidual(channels, out_channels, expansion=6, stride=stride).eval()
    x = torch.randn(2, channels, 5, 5)
    with_shortcut = channels == out_channels and stride == 1
    expected = block.body(x) + (x if with_shortcut else 0)
    torch.testing.assert_close(block(x), expected)


def test_a_gate_of_ones_own_can_stand_in_mobilenet():
    with torch.device("meta"):
        given = MobileNetV2(end=lambda _: TripletAttention())
    assert parameters(given) == parameters(on_meta("triplet_mobilenetv2")) == 3_509_972
