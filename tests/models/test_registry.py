import subprocess
import sys

import pytest
import torch
from torch import nn

from attncourse.models import available, create
from attncourse.models.registry import register


def test_names_are_sorted_and_reach_their_builders():
    names = available()
    assert names == sorted(names)
    with pytest.raises(TypeError, match="no_such_option"):
        create(names[0], no_such_option=1)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(ValueError, match="did you mean seaformer_t "):
        create("seaformer_tt")


def test_a_name_unlike_any_other_points_to_the_list():
    with pytest.raises(ValueError, match=r"available\(\)"):
        create("🦜")


def test_a_name_is_given_once():
    with pytest.raises(ValueError, match="taken"):
        register(available()[0])(nn.Identity)


def test_asking_for_the_factory_imports_no_network():
    code = "import sys, attncourse.models as m; print(*(n for n in sys.modules if m.__name__ in n))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert set(run.stdout.split()) == {"attncourse.models", "attncourse.models.registry"}


@pytest.mark.parametrize(
    ("name", "place"),
    [("mobilenetv2", "middle"), ("mobilenetv2", "end"), ("resnet50", "attention")],
)
def test_a_gate_of_ones_own_stands_at_a_place_of_a_backbone(name, place):
    class Own(torch.nn.Identity):
        pass

    with torch.device("meta"):
        network = create(name, **{place: Own})
    assert any(isinstance(module, Own) for module in network.modules())
