"""Every network that `create` knows runs forward and backward."""

import pytest
import torch
from torch import Tensor

from attncourse.models import available, create

SEQUENCES = ("rnn", "transformer")  # what the names of networks of tokens begin with


def tensors(output) -> list[Tensor]:
    return [output] if isinstance(output, Tensor) else list(output)


@pytest.mark.parametrize("name", available())
def test_forward_and_backward(name):
    torch.manual_seed(0)
    if name.startswith(SEQUENCES):
        network = create(name, source_size=7, target_size=9)
        inputs = torch.randint(7, (2, 5)), torch.randint(9, (2, 3))
    else:
        network = create(name, num_classes=4)
        inputs = (torch.randn(2, 3, 64, 64),)
    outputs = tensors(network(*inputs))
    assert all(output.isfinite().all() for output in outputs)
    sum(output.pow(2).mean() for output in outputs).backward()
    grads = {key: parameter.grad for key, parameter in network.named_parameters()}
    assert [key for key, grad in grads.items() if grad is None] == []
    assert all(grad.isfinite().all() for grad in grads.values())
