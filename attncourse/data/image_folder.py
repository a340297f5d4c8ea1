"""Photographs of your own, sorted into a folder a class: `train/CLASS/*.png`, `val/CLASS/*.png`.

ImageNet is usually kept so.
"""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from attncourse.data import images
from attncourse.data.augment import centred, zoomed
from attncourse.data.images import Images, Sample

LAYOUT = "train/CLASS/*.png and val/CLASS/*.png"


@dataclass(frozen=True)
class Files:
    """Image files, and the number of each one's class."""

    paths: list[Path]
    labels: list[int]

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int, /) -> Sample:
        return images.read(self.paths[number]), torch.tensor(self.labels[number])


def read(folder: Path, *, side: int) -> Images:
    """Find the images of a folder; they are opened when they are needed.

    Args:
        folder: Holds `train` and `val`, and these a folder for each class.
        side: Height and width of the images that are served.

    Returns:
        The images; the classes are numbered in the order of their names. Those of training are
        random parts, those of testing the middle.

    Raises:
        ValueError: If a folder is missing or empty, or a class is only tested.
    """
    classes = _subfolders(folder / "train")
    unknown = sorted(set(_subfolders(folder / "val")) - set(classes))
    if unknown:
        raise ValueError(f"{folder} has classes in val but not in train: {', '.join(unknown)}")
    return Images(
        _files(folder / "train", classes),
        _files(folder / "val", classes),
        len(classes),
        augment=partial(zoomed, side=side),
        prepare=partial(centred, side=side),
    )


def _subfolders(folder: Path) -> list[str]:
    if not folder.is_dir():
        raise ValueError(f"there is no folder {folder}: images are expected as {LAYOUT}")
    return sorted(each.name for each in folder.iterdir() if each.is_dir())


def _files(folder: Path, classes: list[str]) -> Files:
    found = [
        (path, label)
        for label, name in enumerate(classes)
        for path in sorted((folder / name).glob("*"))
        if path.suffix.lower() in images.SUFFIXES
    ]
    if not found:
        raise ValueError(f"there are no images in {folder}: they are expected as {LAYOUT}")
    paths, labels = zip(*found, strict=True)
    return Files(list(paths), list(labels))
