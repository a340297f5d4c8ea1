"""Gates that become each other: what one says is tested by what another says."""

import torch
from hypothesis import given
from hypothesis import strategies as st

from attncourse.nn.cbam import BAM, ChannelGate, SpatialGate
from attncourse.nn.coordinate import CoordinateAttention
from attncourse.nn.se import EfficientChannelAttention, SqueezeExcitation
from attncourse.nn.triplet import TripletAttention

seeds = st.integers(0, 2**31)


@given(seed=seeds)
def test_cbams_channel_gate_hears_an_se_of_the_mean_and_one_of_the_maximum(
    randomise, features, seed
):
    cbam = randomise(ChannelGate(8, reduction=2).double(), seed)
    x = features((2, 8, 5, 7), seed)
    logits = torch.zeros(2, 8, 1, 1, dtype=torch.float64)
    for squeeze in ("mean", "max"):
        se = SqueezeExcitation(8, reduction=2, squeeze=squeeze).double()
        se.excitation.reduce, se.excitation.expand = cbam.mlp[0], cbam.mlp[2]
        logits += se.gate(x).logit()
    torch.testing.assert_close(cbam.gate(x), logits.sigmoid())


@given(seed=seeds)
def test_cbams_spatial_gate_is_triplets_third_face(randomise, features, seed):
    whole = randomise(TripletAttention().double().eval(), seed)
    x = features((2, 8, 5, 7), seed)
    spatial = SpatialGate().double().eval()
    spatial.map = whole.hw
    third = 3 * whole(x)
    whole.hw = None
    torch.testing.assert_close(spatial(x), third - 2 * whole(x))


@given(seed=seeds)
def test_on_one_pixel_coordinate_attention_gates_twice_from_one_hidden_layer(
    randomise, features, seed
):
    module = randomise(CoordinateAttention(8).double().eval(), seed)
    module.columns = module.rows
    rows, columns = module.gates(features((2, 8, 1, 1), seed))
    torch.testing.assert_close(rows * columns, rows**2)


@given(seed=seeds)
def test_the_widest_eca_is_a_linear_layer_with_constant_diagonals(randomise, features, seed):
    eca = randomise(EfficientChannelAttention(8, kernel=15).double(), seed)
    x = features((2, 8, 5, 7), seed)
    taps = eca.excitation.conv.weight.flatten()
    matrix = torch.stack([taps[7 - c : 15 - c] for c in range(8)])
    logits = x.mean((2, 3)) @ matrix.T
    torch.testing.assert_close(eca(x), x * logits.sigmoid()[..., None, None])


@given(seed=seeds)
def test_bam_without_its_spatial_branch_is_one_plus_an_se_with_a_norm(randomise, features, seed):
    bam = randomise(BAM(8, reduction=2).double().eval(), seed)
    x = features((2, 8, 5, 7), seed)
    torch.nn.init.zeros_(bam.spatial[-1].weight)
    torch.nn.init.zeros_(bam.spatial[-1].bias)
    first, norm, _, last = bam.channel
    scale = norm.weight / (norm.running_var + norm.eps).sqrt()
    se = SqueezeExcitation(8, reduction=2).double()
    se.excitation.load_state_dict(  # the norm is folded into the first layer
        {
            "reduce.weight": first.weight * scale[:, None],
            "reduce.bias": (first.bias - norm.running_mean) * scale + norm.bias,
            "expand.weight": last.weight,
            "expand.bias": last.bias,
        }
    )
    torch.testing.assert_close(bam(x), x + se(x))
