"""One step of a training, and all that changes by it."""

import time
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.optim import Optimizer

from attncourse.training.distributed import World
from attncourse.training.history import History


class Trainer:
    """A model in training: what a checkpoint has to hold.

    Args:
        model: On its device already.
        loss: Calls the model it is given on a batch; a scalar, the mean over the batch.
        optimizer: Of the model's parameters.
        world: The processes that share the work.
        amp: Whether to compute in mixed precision.
        clip: The greatest norm of all gradients together, or None.
    """

    def __init__(
        self,
        model: nn.Module,
        loss: Callable[[nn.Module, Any], Tensor],
        optimizer: Optimizer,
        *,
        world: World,
        amp: bool,
        clip: float | None,
    ) -> None:
        self.model, self.loss, self.optimizer = model, loss, optimizer
        self.world, self.amp, self.clip = world, amp, clip
        self.device = next(model.parameters()).device
        self.replica = DistributedDataParallel(model) if world.size > 1 else model
        self.rates = [group["lr"] for group in optimizer.param_groups]
        self.dtype = _half(self.device)
        scaled = amp and self.dtype == torch.float16  # its small gradients would vanish
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=scaled)
        self.history = History()
        self._pending: list[Tensor] = []  # losses that may still be on their way
        self._clock = time.monotonic()

    def step(self, batch: Any, factor: float) -> Tensor:
        """Learn from a batch at this factor of the learning rate: its loss, a scalar."""
        for group, rate in zip(self.optimizer.param_groups, self.rates, strict=True):
            group["lr"] = factor * rate
        with torch.autocast(self.device.type, self.dtype, enabled=self.amp):
            loss = self.loss(self.replica, _moved(batch, self.device))
        self.optimizer.zero_grad()
        self.scaler.scale(loss).backward()
        if self.clip is not None:
            self.scaler.unscale_(self.optimizer)
            nn.utils.clip_grad_norm_(self.model.parameters(), self.clip)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self._pending.append(loss.detach())
        return self._pending[-1]

    def settle(self) -> None:
        """Bring the history up to date.

        Raises:
            ValueError: If a loss is not finite.
        """
        losses = self.world.mean(torch.stack(self._pending).float())
        done = len(self.history.losses)
        if not losses.isfinite().all():
            first = done + int(losses.isfinite().logical_not().nonzero()[0]) + 1
            raise ValueError(
                f"the loss of step {first:,} is {losses[first - done - 1].item()}: a smaller "
                "learning rate, a longer warm-up or clipped gradients keep it finite"
            )
        self.history.losses += losses.tolist()
        self._pending.clear()
        now = time.monotonic()
        self.history.seconds += now - self._clock
        self._clock = now

    def measure(self, evaluate: Callable[[nn.Module], dict[str, float]]) -> None:
        """Add to the history what is measured of the model as it stands."""
        self.model.eval()
        with torch.no_grad():
            metrics = evaluate(self.model)
        self.model.train()
        self.history.metrics.append({"step": len(self.history.losses), **metrics})

    def state(self) -> dict[str, Any]:
        """Return everything that `restore` needs."""
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": asdict(self.history),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        self.history = History(**state["history"])


def _half(device: torch.device) -> torch.dtype:
    """Return the 16-bit type that the device computes in."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16


def _moved(batch: Any, device: torch.device) -> Any:
    """Return a batch of any structure with its tensors on the device."""
    if isinstance(batch, Tensor):
        return batch.to(device, non_blocking=True)
    if isinstance(batch, dict):
        return {key: _moved(value, device) for key, value in batch.items()}
    if isinstance(batch, (list, tuple)):
        moved = [_moved(value, device) for value in batch]
        return type(batch)(*moved) if hasattr(batch, "_fields") else type(batch)(moved)
    return batch
