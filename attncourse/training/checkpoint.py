"""Checkpoints that are whole or absent: a process killed at any moment never leaves half a file."""

import os
from pathlib import Path
from typing import Any

import torch


def write(state: dict[str, Any], path: Path) -> None:
    """Put a state on the disk under this name, in one move.

    It is written beside its place, forced to the disk and then renamed, which the file system does
    at once or not at all. Until then the name keeps what it held before.

    Args:
        state: Tensors, numbers, strings, and lists and dictionaries of them.
        path: Where to; folders that are missing are made.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(path.name + ".part")
    with beside.open("wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(beside, path)


def read(path: Path) -> dict[str, Any]:
    """Read a state onto the CPU; only data is accepted, never code.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no checkpoint.
    """
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise
    except Exception as error:  # torch raises many kinds for a file that it cannot read
        raise ValueError(f"{path} is not a checkpoint: {error}") from error
    return state
