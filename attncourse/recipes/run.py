"""The folder of a run: what was asked for, where to go on, and how it went."""

import json
from collections.abc import Callable
from dataclasses import asdict
from enum import Enum
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from attncourse.training import History, best_device, fit, world
from attncourse.training.loop import Batch, Batches

_NOT_KEPT = {"folder", "resume", "workers", "beams"}  # they do not change the result
_OF_FIT = ("steps", "lr", "seed", "amp", "compile", "every", "workers", "resume")


class Run:
    """A folder with `config.json`, `checkpoint.pt` and, at the end, `history.json`.

    Args:
        options: Of the recipe, by name. What fixes the result is written down: a run is resumed
            with the same, or not at all.

    Raises:
        ValueError: If the folder holds a run that is not to be resumed, or one of other options.
    """

    def __init__(self, options: dict[str, Any]) -> None:
        self.folder: Path = options["folder"]
        self.fit_options = {name: options[name] for name in _OF_FIT}
        config = {k: _plain(value) for k, value in options.items() if k not in _NOT_KEPT}
        if world().rank == 0:
            self._claim({"processes": world().size, **config}, resume=options["resume"])

    def fit(
        self,
        model: nn.Module,
        batches: Batches[Batch],
        loss: Callable[[nn.Module, Batch], Tensor],
        **options: Any,
    ) -> History:
        """Train on the best device, as the recipe's options say, and write down how it went.

        Args:
            model: As for `attncourse.training.fit`, like all that follows.
            batches: What to learn from.
            loss: Of a model and a batch.
            options: What the recipe's options do not say: `schedule`, `evaluate` …
        """
        options |= self.fit_options
        checkpoint = self.folder / "checkpoint.pt"
        history = fit(model, batches, loss, device=best_device(), checkpoint=checkpoint, **options)
        if world().rank == 0:
            _write(self.folder / "history.json", asdict(history))
        return history

    def _claim(self, config: dict[str, Any], *, resume: bool) -> None:
        record = self.folder / "config.json"
        if not record.exists():
            self.folder.mkdir(parents=True, exist_ok=True)
            _write(record, config)
            return
        if not resume:
            raise ValueError(
                f"{self.folder} holds a run: --resume goes on with it, --folder names another place"
            )
        old = json.loads(record.read_text(encoding="utf-8"))
        changed = [name for name in old | config if old.get(name) != config.get(name)]
        if changed:
            was, asked = (
                ", ".join(f"{name}={of.get(name)}" for name in changed) for of in (old, config)
            )
            raise ValueError(f"the run in {self.folder} was started with {was}, not with {asked}")


def _plain(value: Any) -> Any:
    """Return an option's value as JSON knows it."""
    if isinstance(value, Enum):
        return value.value
    return str(value) if isinstance(value, Path) else value


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
