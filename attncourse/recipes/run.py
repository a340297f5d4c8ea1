"""The folder of a run: what was asked for, where to go on, and how it went."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from attncourse.training import History, world


class Run:
    """A folder with `config.json`, `checkpoint.pt` and, at the end, `history.json`.

    Args:
        folder: Where it is, or is to be made.
        config: What fixes the result of the run: a run is resumed with the same, or not at all.
        resume: Whether to go on with the run in the folder, if there is one.

    Raises:
        ValueError: If the folder holds a run and `resume` is False, or a run of another config.
    """

    def __init__(self, folder: Path, config: dict[str, Any], *, resume: bool) -> None:
        self.folder = folder
        self.checkpoint = folder / "checkpoint.pt"
        if world().rank == 0:
            self._claim({"processes": world().size, **config}, resume=resume)

    def finish(self, history: History) -> None:
        """Write down how it went."""
        _write(self.folder / "history.json", asdict(history))

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


def _write(path: Path, content: dict[str, Any]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
