import subprocess
import sys
from collections import namedtuple
from pathlib import Path

import pytest
import torch
from lines import Lines, network, squared_error
from torch import nn

from attncourse.training import best_device, fit, warm_up_then_decay
from attncourse.training.trainer import _moved

run = {"lr": 0.01, "progress": False}


def weights(model):
    return [p.detach().clone() for p in model.parameters()]


def test_it_learns():
    history = fit(network(), Lines(), squared_error, steps=300, **run)
    assert len(history.losses) == 300
    assert sum(history.losses[-20:]) < sum(history.losses[:20]) / 10
    assert history.seconds > 0


def test_it_does_what_a_plain_loop_does():
    model, plain = network(), network()
    fit(model, Lines(), squared_error, steps=5, schedule=lambda step: 1 / (step + 1), **run)
    optimizer = torch.optim.Adam(plain.parameters())
    for step in range(5):
        optimizer.param_groups[0]["lr"] = 0.01 / (step + 1)
        optimizer.zero_grad()
        squared_error(plain, Lines()[step]).backward()
        nn.utils.clip_grad_norm_(plain.parameters(), 1.0)
        optimizer.step()
    torch.testing.assert_close(weights(model), weights(plain))


def test_gradients_are_clipped_together():
    model, before = network(), weights(network())

    def sgd(parameters, lr):
        return torch.optim.SGD(parameters, lr=lr)

    fit(model, Lines(), squared_error, steps=1, clip=1e-3, optimizer=sgd, lr=1.0, progress=False)
    moved = [after - start for after, start in zip(weights(model), before, strict=True)]
    assert torch.cat([m.flatten() for m in moved]).norm().item() == pytest.approx(1e-3, rel=1e-3)


def test_a_seed_fixes_a_training():
    def losses(seed, draws):
        model = network(dropout=0.5)
        torch.rand(draws)  # what was drawn before does not matter
        return fit(model, Lines(), squared_error, steps=20, seed=seed, **run).losses

    assert losses(0, draws=1) == losses(0, draws=7)
    assert losses(0, draws=1) != losses(1, draws=1)


def test_workers_change_nothing():
    alone, helped = (
        fit(network(), Lines(), squared_error, steps=10, workers=n, **run).losses for n in (0, 2)
    )
    assert alone == helped


def test_evaluation_is_regular_without_dropout_and_without_gradients():
    seen = []

    def evaluate(model):
        y = model(torch.ones(1, 3))
        seen.append((model.training, y.requires_grad))
        return {"y": y.item()}

    model = network(dropout=0.5)
    plain = fit(network(dropout=0.5), Lines(), squared_error, steps=25, **run)
    history = fit(model, Lines(), squared_error, steps=25, evaluate=evaluate, every=10, **run)
    assert [metric["step"] for metric in history.metrics] == [10, 20, 25]
    assert all(isinstance(metric["y"], float) for metric in history.metrics)
    assert seen == [(False, False)] * 3
    assert model.training
    assert history.losses == plain.losses


@pytest.mark.parametrize("stop", [10, 14])
def test_a_resumed_run_is_the_undisturbed_run(stop, tmp_path):
    def train(model, steps, **options):
        return fit(
            model,
            Lines(),
            squared_error,
            steps=steps,
            schedule=warm_up_then_decay(30),
            evaluate=lambda model: {"bias": model[0].bias[0].item()},
            every=5,
            checkpoint=tmp_path / options.pop("name"),
            **options,
            **run,
        )

    undisturbed = network(dropout=0.3)
    whole = train(undisturbed, 30, name="whole")
    train(network(dropout=0.3), stop, name="parts")
    resumed = network(dropout=0.3)
    with torch.no_grad():  # what the model was before is of no importance
        resumed[0].weight.zero_()
    rest = train(resumed, 30, name="parts", resume=True)
    assert rest.losses == whole.losses
    assert [m for m in rest.metrics if m["step"] % 5 == 0] == whole.metrics
    assert all(map(torch.equal, weights(resumed), weights(undisturbed)))


def test_to_resume_without_a_checkpoint_is_to_begin(tmp_path):
    options = {"steps": 3, "checkpoint": tmp_path / "new" / "checkpoint.pt"}
    first = fit(network(), Lines(), squared_error, resume=True, **options, **run)
    assert first.losses == fit(network(), Lines(), squared_error, **options, **run).losses
    again = fit(network(), Lines(), squared_error, resume=True, **options, **run)
    assert again.losses == first.losses  # nothing was left to do


def test_what_cannot_be_resumed_is_refused(tmp_path):
    path = tmp_path / "checkpoint.pt"
    fit(network(), Lines(), squared_error, steps=3, checkpoint=path, **run)
    options = {"resume": True, "checkpoint": path}
    with pytest.raises(ValueError, match=r"checkpoint.pt has done 3 steps, more than steps=2"):
        fit(network(), Lines(), squared_error, steps=2, **options, **run)
    path.write_bytes(b"nothing of the kind")
    with pytest.raises(ValueError, match=r"checkpoint.pt is not a checkpoint"):
        fit(network(), Lines(), squared_error, steps=4, **options, **run)
    with pytest.raises(ValueError, match="resume needs the checkpoint"):
        fit(network(), Lines(), squared_error, steps=4, resume=True, **run)


def test_a_loss_that_is_not_finite_ends_the_training():
    def explode(model, batch):
        return squared_error(model, batch) / (batch[0].sum() - Lines()[7][0].sum())

    with pytest.raises(ValueError, match=r"the loss of step 8 is (inf|nan)"):
        fit(network(), Lines(), explode, steps=20, every=10, **run)


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": 1, "every": 0}])
def test_steps_must_be_positive(options):
    with pytest.raises(ValueError, match="steps and every must be positive"):
        fit(network(), Lines(), squared_error, **options, **run)


def test_batches_of_any_structure_are_moved():
    Pair = namedtuple("Pair", "x y")
    x = torch.ones(2)
    moved = _moved({"pair": Pair(x, [x, "text"]), "n": 3}, torch.device("meta"))
    assert moved["pair"].x.device.type == moved["pair"].y[0].device.type == "meta"
    assert (type(moved["pair"]), moved["pair"].y[1], moved["n"]) == (Pair, "text", 3)


def test_mixed_precision_learns_nearly_the_same():
    exact, rough = (
        fit(network(), Lines(), squared_error, steps=50, amp=amp, **run).losses
        for amp in (False, True)
    )
    assert exact != rough
    torch.testing.assert_close(torch.tensor(rough), torch.tensor(exact), rtol=0.1, atol=0.05)


def test_a_model_may_compile_itself_in_its_own_way():
    class Own(nn.Sequential):
        def compile(self):
            self.asked = True

    model = Own(*network())
    fit(model, Lines(), squared_error, steps=1, compile=True, **run)
    assert model.asked


@pytest.mark.slow
def test_two_processes_are_one_with_twice_the_batch(tmp_path):
    script = Path(__file__).parent / "train_lines.py"
    for processes in (1, 2):
        launcher = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
        command = [sys.executable, *launcher, str(script), str(tmp_path / f"{processes}.pt")]
        done = subprocess.run(command, capture_output=True, text=True)
        assert not done.returncode, done.stderr
    one, two = (torch.load(tmp_path / f"{processes}.pt") for processes in (1, 2))
    torch.testing.assert_close(two["model"], one["model"])
    losses = [torch.tensor(each["history"]["losses"]) for each in (two, one)]  # as exact as float32
    torch.testing.assert_close(*losses)
    assert len(losses[0]) == 20


def test_the_schedule_rises_and_falls():
    schedule = warm_up_then_decay(100, warm_up=0.2)
    factors = [schedule(step) for step in range(100)]
    assert factors[:20] == sorted(factors[:20])
    assert factors[20:] == sorted(factors[20:], reverse=True)
    assert 0 < factors[-1] < 0.02
    assert 0 < factors[0] < 0.1
    assert 0.7 < max(factors) <= 1
    assert warm_up_then_decay(10, warm_up=0)(0) == 1


@pytest.mark.parametrize("options", [{"steps": 0}, {"steps": 5, "warm_up": 1.5}])
def test_impossible_schedules_are_refused(options):
    with pytest.raises(ValueError, match="warm_up from 0 to 1"):
        warm_up_then_decay(**options)


@pytest.mark.gpu
@pytest.mark.parametrize("options", [{}, {"amp": True}, {"compile": True}, {"workers": 2}], ids=str)
def test_it_trains_on_a_gpu(options):
    model = network()
    device = best_device()
    history = fit(model, Lines(), squared_error, steps=300, device=device, **options, **run)
    assert next(model.parameters()).is_cuda
    assert sum(history.losses[-20:]) < sum(history.losses[:20]) / 10
