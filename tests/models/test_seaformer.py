import pytest
import torch

from attncourse.models import create
from attncourse.models.seaformer import SeaFormerClassifier, SeaFormerSegmenter
from attncourse.models.seaformer_variants import VARIANTS, Blocks, Stage, Variant
from attncourse.nn.conv_norm import fold_norms
from attncourse.nn.seaformer import SeaFormerBlock
from attncourse.profiling import parameters

SMALL = Variant(
    stem=4,
    heads=2,
    head=(6, 8),
    stages=(
        Stage(((3, 1, 4, 2),)),
        Stage(((5, 2, 6, 2), (3, 2, 6, 1))),
        Stage(((3, 2, 8, 2),), Blocks(1, 2, 2)),
        Stage(((3, 2, 10, 2),), Blocks(3, 3, 2)),
    ),
)


@pytest.mark.parametrize(
    "name, segmenting, classifying",
    [
        ("t", 1_667_318, 1_781_096),
        ("s", 3_990_118, 4_105_656),
        ("b", 8_605_654, 8_742_664),
        ("l", 13_951_510, 14_046_504),
    ],
)
def test_parameters_are_those_of_the_official_networks(name, segmenting, classifying):
    with torch.device("meta"):
        assert parameters(create(f"seaformer_{name}_segmentation")) == segmenting
        assert parameters(create(f"seaformer_{name}")) == classifying


@pytest.mark.parametrize(
    "name, head", [("t", 47_222), ("s", 77_462), ("b", 119_990), ("l", 226_006)]
)
def test_parameters_are_in_the_same_places(name, head):
    with torch.device("meta"):
        network = SeaFormerSegmenter(name)
        assert parameters(network) - parameters(network.backbone) == head


@pytest.mark.parametrize("name", VARIANTS)
def test_maps_are_an_eighth_and_less_of_the_image(name):
    with torch.device("meta"):
        network = SeaFormerSegmenter(name)
        maps = network.backbone(torch.empty(2, 3, 512, 256))
        logits = network(torch.empty(2, 3, 512, 256))
    sides = [8, 32, 64] if name != "l" else [8, 16, 32, 64]
    assert [part.shape[2:] for part in maps] == [(512 // side, 256 // side) for side in sides]
    assert [part.shape[1] for part in maps] == network.backbone.channels
    assert logits.shape == (2, 150, 64, 32)


@pytest.mark.parametrize("size", [(33, 47), (64, 64)])
def test_any_image_size(size):
    torch.manual_seed(0)
    image = torch.randn(2, 1, *size)
    options = {"num_classes": 5, "in_channels": 1}
    assert SeaFormerClassifier(SMALL, **options)(image).shape == (2, 5)
    logits = SeaFormerSegmenter(SMALL, **options)(image)
    assert logits.shape == (2, 5, *(-(-side // 8) for side in size))


def test_stochastic_depth_grows_within_each_stage():
    network = SeaFormerClassifier(SMALL, drop_path=0.2)
    blocks = [part for part in network.modules() if isinstance(part, SeaFormerBlock)]
    assert [block.drop_path.probability for block in blocks] == pytest.approx([0, 0, 0.1, 0.2])


def test_folding_changes_no_logit():
    torch.manual_seed(0)
    network = SeaFormerSegmenter(SMALL, num_classes=5).double()
    image = torch.randn(2, 3, 40, 56, dtype=torch.float64)
    network(image)  # moves the statistics of the norms away from their first values
    folded = fold_norms(network)
    assert parameters(folded) < parameters(network)
    torch.testing.assert_close(folded(image), network.eval()(image))


def test_an_unknown_variant_is_refused():
    with pytest.raises(ValueError, match="'t', 's', 'b', 'l'"):
        SeaFormerClassifier("xl")
