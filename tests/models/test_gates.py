"""The one table of gates: what its rows say holds in every network that carries one."""

import pytest
import torch
from torch import nn

from attncourse.models import available, create
from attncourse.models.gates import BACKBONES, GATES, carried_by, networks, places
from attncourse.models.mobilenetv2 import InvertedResidual
from attncourse.models.resnet import Residual
from attncourse.nn.cbam import CBAM
from attncourse.nn.triplet import TripletAttention

CARRIED = [(*pair, backbone) for backbone in BACKBONES for pair in carried_by(backbone)]


def on_meta(name, **options):
    with torch.device("meta"):
        return create(name, **options)


def blocks(network):
    return [m for m in network.modules() if isinstance(m, (Residual, InvertedResidual))]


def in_place(network, place):
    """What stands where the table says, block by block or stage by stage."""
    bodies = [list(block.body) for block in blocks(network)]
    match place:
        case "kernel":
            return [body[2] for body in bodies]
        case "middle":  # the first block does not expand, and has none
            return [body[-2] for body in bodies[1:]]
        case "end" if isinstance(blocks(network)[0], Residual):
            return [block.gate for block in blocks(network)]
        case "end":
            return [body[-1] for body in bodies]
        case "between":
            return [stage[-1] for stage in network.stages[:-1]]


@pytest.mark.parametrize(("gate", "name", "backbone"), CARRIED)
def test_a_gate_stands_where_the_table_says_and_nowhere_else(gate, name, backbone):
    network, row = on_meta(name), GATES[gate]
    standing = in_place(network, row.stands[backbone].place)
    assert standing
    assert standing == [module for module in network.modules() if isinstance(module, row.kind)]


def test_every_network_of_the_table_is_registered():
    assert {name for _, name, _ in CARRIED} <= set(available())
    slugs = {gate.slug for gate in GATES.values()}
    assert sorted(n for s in slugs for n in networks(s)) == sorted(name for _, name, _ in CARRIED)


def test_options_reach_the_gate_and_go_before_those_of_its_paper():
    for options, hidden in (({}, 96 // 24), ({"gate_options": {"reduction": 8}}, 96 // 8)):
        network = on_meta("se_mobilenetv2", **options)
        assert blocks(network)[1].body[-2].excitation.reduce.out_features == hidden


@pytest.mark.parametrize("gate", [name for name, row in GATES.items() if row.zeroed])
def test_what_starts_at_zero_in_a_network_does_not_alone(gate):
    (make,) = places("resnet", gate).values()
    for module, value in ((make(32), 0), (GATES[gate].make(32), 1)):
        starts = [module.get_parameter(name) for name in GATES[gate].zeroed]
        assert starts and all((start == value).all() for start in starts)


@pytest.mark.parametrize("name", ["cbam_resnet18", "triplet_resnet18"])
def test_spatial_gates_start_at_one_half_and_learn(name):
    network = create(name, num_classes=4)
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    gates = [m.spatial.map for m in network.modules() if isinstance(m, CBAM)]
    gates += [m.hw for m in network.modules() if isinstance(m, TripletAttention)]
    assert len(gates) == 8
    for gate in gates:
        assert torch.equal(gate(torch.randn(2, 2, 4, 4)), torch.full((2, 1, 4, 4), 0.5))
        assert gate.norm.weight.item() == 0 and gate.norm.weight.grad.abs() > 0


def test_a_gate_without_a_part_has_nothing_there_to_start_at_zero():
    (make,) = places("resnet", "triplet", spatial=False).values()
    assert make(8).hw is None


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        ("resnet50", {"attention": "sse"}, r"attention must be one of \['se', .*\], got 'sse'"),
        ("mobilenetv2", {"attention": "bam"}, r"attention must be one of .* got 'bam'"),
        ("resnet50", {"attention": "sk"}, r"attention must be one of .* got 'sk'"),
        ("resnet50", {"gate_options": {"reduction": 4}}, "attention is None"),
    ],
)
def test_what_the_table_does_not_hold_is_refused(name, options, says):
    with pytest.raises(ValueError, match=says):
        on_meta(name, **options)


def test_a_gate_of_ones_own_is_taken_too():
    with torch.device("meta"):
        network = create("resnet18", attention=lambda channels: nn.Identity())
    assert len(in_place(network, "end")) == 8
