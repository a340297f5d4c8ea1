"""The training loop: every network of the course is trained by `fit`."""

from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Protocol, TypeVar, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.data import DataLoader, Dataset

from attncourse.training import checkpoint as checkpoints
from attncourse.training import progress as bars
from attncourse.training.distributed import World, joined
from attncourse.training.history import History
from attncourse.training.optimizers import adam
from attncourse.training.trainer import Trainer

Batch = TypeVar("Batch")
Batch_co = TypeVar("Batch_co", covariant=True)


class Batches(Protocol[Batch_co]):
    """Batches by number, from 0 without end: a number always means the same batch."""

    def __getitem__(self, number: int, /) -> Batch_co: ...


def fit(
    model: nn.Module,
    batches: Batches[Batch],
    loss: Callable[[nn.Module, Batch], Tensor],
    *,
    steps: int,
    lr: float,
    schedule: Callable[[int], float] | None = None,
    optimizer: Callable[[Iterable[nn.Parameter], float], Optimizer] = adam,
    clip: float | None = 1.0,
    seed: int = 0,
    device: torch.device | str | None = None,
    amp: bool = False,
    compile: bool = False,
    evaluate: Callable[[nn.Module], dict[str, float]] | None = None,
    every: int = 500,
    checkpoint: Path | None = None,
    resume: bool = False,
    workers: int = 0,
    progress: bool | str = True,
) -> History:
    """Train a model in place.

    A run is a function of its seed: each step draws its random numbers from the seed and its own
    number alone. So a run that was killed and goes on from its checkpoint has the same losses, to
    the last bit, as a run that was left in peace.

    Started by `torchrun`, the processes share the work: of every step each takes its own batch, as
    if all their batches were one.

    Args:
        model: Left on `device`, in training mode.
        batches: What to learn from, by number.
        loss: Calls the model it is given on a batch; a scalar, the mean over the batch.
        steps: Length of the training.
        lr: The greatest learning rate.
        schedule: The factor of `lr` at each step, from 0; none keeps it constant.
        optimizer: Makes the optimizer of parameters and a learning rate.
        clip: The greatest norm of all gradients together; None does not clip.
        seed: Fixes the random numbers of the steps, but not the weights, which are drawn before.
        device: Where to train; where the model's parameters are, if left out.
        amp: Mixed precision: bfloat16 where the device has it, else float16 with scaled losses.
        compile: Whether to compile the model; the first steps then take minutes.
        evaluate: Measures the model, which it gets in evaluation mode and without gradients.
        every: After so many steps, and after the last, the model is evaluated and saved.
        checkpoint: The file to save to; none by default.
        resume: Whether to go on from the checkpoint, if there is one.
        workers: Processes that prepare batches beside the training; 0 for none.
        progress: Whether to show a progress bar, or its label.

    Returns:
        How it went.

    Raises:
        ValueError: If `steps` or `every` is not positive, `resume` has no checkpoint to look for,
            the checkpoint's run is longer than `steps`, or the loss is no longer finite.
    """
    if steps < 1 or every < 1:
        raise ValueError(f"steps and every must be positive, got steps={steps}, every={every}")
    if resume and checkpoint is None:
        raise ValueError("resume needs the checkpoint to go on from")
    model.to(next(model.parameters()).device if device is None else device).train()
    if compile:
        model.compile()
    with joined(next(model.parameters()).device) as world:
        made = optimizer(model.parameters(), lr)
        trainer = Trainer(model, loss, made, world=world, amp=amp, clip=clip)
        if resume and checkpoint is not None and checkpoint.exists():
            trainer.restore(checkpoints.read(checkpoint))
        start = len(trainer.history.losses)
        if start > steps:
            raise ValueError(f"{checkpoint} has done {start:,} steps, more than steps={steps:,}")

        shown = progress and world.rank == 0
        label = progress if isinstance(progress, str) else "training"
        with bars.progress(steps, label=label) if shown else nullcontext(bars.silent) as report:
            for step, batch in enumerate(_serve(batches, start, steps, world, workers), start):
                _seed(trainer.device, seed, step, world.rank)
                value = trainer.step(batch, 1.0 if schedule is None else schedule(step))
                report(step + 1, value)
                if (step + 1) % every and step + 1 < steps:
                    continue
                trainer.settle()
                if world.rank == 0 and evaluate is not None:
                    trainer.measure(evaluate)
                if world.rank == 0 and checkpoint is not None:
                    checkpoints.write(trainer.state(), checkpoint)
    return trainer.history


def _serve(
    batches: Batches[Batch], start: int, steps: int, world: World, workers: int
) -> Iterable[Batch]:
    """Return the batches of this process: every step uses one batch of each."""
    numbers = range(start * world.size + world.rank, steps * world.size, world.size)
    return DataLoader(
        cast(Dataset[Any], batches),
        batch_size=None,  # they are batches already
        sampler=numbers,
        num_workers=workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),  # or it would draw from the global one
    )


def _seed(device: torch.device, *numbers: int) -> None:
    """Seed torch with several numbers at once; `torch.manual_seed` is slow without a GPU."""
    seed = int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0])
    torch.default_generator.manual_seed(seed)
    if device.type != "cpu":
        torch.get_device_module(device).manual_seed(seed)
