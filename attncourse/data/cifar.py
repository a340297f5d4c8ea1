"""CIFAR-100 (Krizhevsky 2009): 60,000 photographs of 32 × 32 pixels in 100 classes.

It is read as its author publishes it for Python: `cifar-100-python/{train,test,meta}`.
"""

import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from attncourse.data.augment import shifted
from attncourse.data.images import Images, Sample

FOLDER = "cifar-100-python"
SIDE = 32
"""Pixels along each side of an image."""


@dataclass(frozen=True)
class Photographs:
    """Images in memory, (N, 3, 32, 32), and their classes, (N,)."""

    pixels: Tensor
    labels: Tensor

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, number: int, /) -> Sample:
        return self.pixels[number], self.labels[number]


def read(folder: Path) -> Images:
    """Read the data set from the folder that `cifar-100-python` lies in.

    Args:
        folder: Where the archive was unpacked.

    Returns:
        All images, 32 × 32; those of training are shifted and mirrored at random.

    Raises:
        ValueError: If a file is missing, or holds something else.
    """
    names = _field(folder / FOLDER / "meta", "fine_label_names")
    train, test = (_photographs(folder / FOLDER / part, len(names)) for part in ("train", "test"))
    return Images(train, test, len(names), augment=shifted, prepare=_as_it_is)


def _as_it_is(sample: Sample) -> Sample:
    return sample


def _photographs(path: Path, classes: int) -> Photographs:
    pixels, labels = np.asarray(_field(path, "data")), torch.tensor(_field(path, "fine_labels"))
    if pixels.dtype != np.uint8 or pixels.shape != (len(labels), 3 * SIDE * SIDE):
        raise ValueError(
            f"{path} must hold {3 * SIDE * SIDE:,} bytes for each of its {len(labels):,} labels, "
            f"got {pixels.dtype} of shape {pixels.shape}"
        )
    if not 0 <= labels.min() <= labels.max() < classes:
        raise ValueError(f"{path} has labels that are not from 0 to {classes - 1}")
    return Photographs(torch.from_numpy(pixels).view(-1, 3, SIDE, SIDE), labels)


def _field(path: Path, name: str) -> Any:
    """Return a field of the dictionary in a file."""
    if not path.is_file():
        raise ValueError(
            f"there is no {path}: CIFAR-100 for Python consists of {FOLDER}/{{train,test,meta}}"
        )
    try:
        with path.open("rb") as file:
            return _Unpickler(file, encoding="latin1").load()[name]
    except (pickle.UnpicklingError, EOFError, KeyError, TypeError, UnicodeError) as error:
        raise ValueError(f"{path} is not a file of CIFAR-100: {error}") from error


_OF_ARRAYS = {
    ("numpy.core.multiarray", "_reconstruct"): np.empty(0).__reduce__()[0],
    ("numpy", "ndarray"): np.ndarray,
    ("numpy", "dtype"): np.dtype,
}


class _Unpickler(pickle.Unpickler):
    """Reads arrays, and what needs no class at all: a pickle could otherwise run any program."""

    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in _OF_ARRAYS:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return _OF_ARRAYS[module, name]
