"""Images with a class for every pixel: PASCAL VOC 2012 and ADE20K, as their authors pack them."""

from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from attncourse.data import images
from attncourse.data.augment import IGNORED, fitted, scaled
from attncourse.data.images import Images, Sample

VOC = Path("VOCdevkit/VOC2012")
ADE20K = Path("ADEChallengeData2016")

_VOC_LAYOUT = f"{VOC}/{{JPEGImages,SegmentationClass,ImageSets/Segmentation}}"
_ADE20K_LAYOUT = f"{ADE20K}/{{images,annotations}}/{{training,validation}}"


@dataclass(frozen=True)
class Scenes:
    """Image files, and the files with their classes.

    Attributes:
        pairs: An image and its map each.
        classes: How many classes there are.
        first: The number in the files that stands for the first class.
    """

    pairs: list[tuple[Path, Path]]
    classes: int
    first: int = 0

    def __len__(self) -> int:
        return len(self.pairs)

    def __getitem__(self, number: int, /) -> Sample:
        path, path_of_labels = self.pairs[number]
        image, labels = images.read(path), self._labels(path_of_labels)
        if image.shape[1:] != labels.shape:
            raise ValueError(
                f"{path} and {path_of_labels} must have the same size, got "
                f"{tuple(image.shape[1:])} and {tuple(labels.shape)}"
            )
        return image, labels

    def _labels(self, path: Path) -> Tensor:
        labels = images.pixels(path, colours=False)
        if labels.ndim != 2 or labels.dtype != torch.uint8:
            raise ValueError(f"{path} must hold one byte for each pixel, its class")
        labels = labels - self.first  # bytes: what is below the first becomes 255, which is ignored
        if ((labels >= self.classes) & (labels != IGNORED)).any():
            raise ValueError(f"{path} has classes beyond the {self.classes} of the data set")
        return labels


def read(folder: Path, *, side: int) -> Images:
    """Find the images of VOC or ADE20K; they are opened when they are needed.

    Args:
        folder: Holds `VOCdevkit/VOC2012` or `ADEChallengeData2016`.
        side: Of the squares that are learned from, and the shorter side of the images in tests.

    Returns:
        The images and their maps of classes; a pixel of class 255 is to be ignored.

    Raises:
        ValueError: If neither is there, or a part of it is missing.
    """
    if (folder / VOC).is_dir():
        train, test = (_voc(folder / VOC, part) for part in ("train", "val"))
    elif (folder / ADE20K).is_dir():
        train, test = (_ade20k(folder / ADE20K, part) for part in ("training", "validation"))
    else:
        raise ValueError(f"{folder} holds neither {_VOC_LAYOUT} nor {_ADE20K_LAYOUT}")
    return Images(
        train,
        test,
        train.classes,
        augment=partial(scaled, side=side),
        prepare=partial(fitted, side=side),
    )


def _voc(folder: Path, part: str) -> Scenes:
    """Find 20 classes and the background; the edges of things are 255 already."""
    listing = folder / "ImageSets" / "Segmentation" / f"{part}.txt"
    names = _present(listing, _VOC_LAYOUT).read_text(encoding="utf-8").split()
    pictures = _present(folder / "JPEGImages", _VOC_LAYOUT)
    labels = _present(folder / "SegmentationClass", _VOC_LAYOUT)
    return Scenes([(pictures / f"{n}.jpg", labels / f"{n}.png") for n in names], classes=21)


def _ade20k(folder: Path, part: str) -> Scenes:
    """Find 150 classes, from 1; what belongs to none is 0."""
    pictures = _present(folder / "images" / part, _ADE20K_LAYOUT)
    labels = _present(folder / "annotations" / part, _ADE20K_LAYOUT)
    pairs = [(path, labels / f"{path.stem}.png") for path in sorted(pictures.glob("*.jpg"))]
    return Scenes(pairs, classes=150, first=1)


def _present(path: Path, layout: str) -> Path:
    if not path.exists():
        raise ValueError(f"there is no {path}: the data set is laid out as {layout}")
    return path
