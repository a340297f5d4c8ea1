import pytest
import torch
import torch.nn.functional as F

from attncourse.models import create
from attncourse.models.danet import DANet
from attncourse.profiling import macs, parameters


def test_parameters_and_costs_are_those_of_the_official_network():
    with torch.device("meta"):
        network = create("danet_resnet101")
        assert parameters(network.backbone) == 42_500_160
        assert parameters(network.head) == 23_954_619
        image = torch.empty(1, 3, 768, 768)
        features = network.backbone(image)
        assert features.shape == (1, 2048, 96, 96)
        assert round(macs(network.backbone, image) / 1e9) == 399
        assert round(macs(network.head, features) / 1e9) == 274


@pytest.mark.parametrize("size", [(64, 64), (65, 97)])
def test_logits_are_as_large_as_the_image(size):
    with torch.device("meta"):
        logits = DANet(50, num_classes=5)(torch.empty(2, 3, *size))
    assert [part.shape for part in logits] == 3 * [(2, 5, *size)]


def test_small_logits_are_enlarged_from_corner_to_corner():
    torch.manual_seed(0)
    network = DANet(18, num_classes=5, multi_grid=None).eval()
    image = torch.randn(1, 3, 40, 48)
    with torch.no_grad():
        small, large = network.head(network.backbone(image)), network(image)
    for before, after in zip(small, large, strict=True):
        torch.testing.assert_close(after[..., ::39, ::47], before[..., ::4, ::5])
        expected = F.interpolate(before, (40, 48), mode="bilinear", align_corners=True)
        torch.testing.assert_close(after, expected)


def test_the_grids_of_the_last_stage_are_dilated_by_4_8_16():
    network = DANet(50)
    stages = network.backbone[1]
    dilations = [[block.body[2][0].dilation[0] for block in stage] for stage in stages]
    assert dilations[0] == [1, 1, 1]
    assert dilations[2][1:] == 5 * [2]
    assert dilations[3] == [4, 8, 16]


def test_options_reach_the_head():
    with torch.device("meta"):
        network = create("danet_resnet50", num_classes=7, sign="official", in_channels=1)
    assert network.head.channel[3].sign == "official"
    assert network.head.classify_fused[1].out_channels == 7
    assert network.backbone[0][0][0].in_channels == 1


def test_each_loss_trains_its_branch():
    torch.manual_seed(0)
    network = DANet(18, num_classes=5, multi_grid=None)
    network(torch.randn(2, 3, 32, 32)).position.sum().backward()
    assert network.head.classify_position[1].weight.grad is not None
    assert network.head.classify_channel[1].weight.grad is None
    assert next(network.backbone.parameters()).grad.abs().max() > 0
