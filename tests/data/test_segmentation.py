import numpy as np
import pytest
import torch
from PIL import Image

from attncourse.data import segmentation
from attncourse.data.augment import IGNORED
from tests import image_folders


def agree(picture, labels, first):
    """Whether the image has the colour of the class wherever there is one, but for its edges."""
    known = labels != IGNORED
    expected = torch.from_numpy(image_folders.COLOURS.astype(float))
    off = (picture.permute(1, 2, 0)[known] - expected[labels[known].long() + first]).abs().amax(1)
    return (off >= 80).sum() <= 0.15 * known.sum()


@pytest.mark.parametrize(
    ("make", "classes", "first"), [(image_folders.voc, 21, 0), (image_folders.ade20k, 150, 1)]
)
def test_images_and_classes_stay_together(make, classes, first, tmp_path):
    images = segmentation.read(make(tmp_path), side=32)
    assert (len(images.train), len(images.test), images.classes) == (6, 2, classes)
    for step in range(4):
        pictures, labels = images.batches(6)[step]
        assert (pictures.shape, pictures.dtype) == ((6, 3, 32, 32), torch.uint8)
        assert (labels.shape, labels.dtype) == ((6, 32, 32), torch.uint8)
        for picture, answer in zip(pictures, labels, strict=True):
            assert agree(picture, answer, first)


def test_tests_keep_the_size_of_the_classes(tmp_path):
    images = segmentation.read(image_folders.voc(tmp_path), side=32)
    for i, (picture, labels) in enumerate(images.tests(1)):
        assert min(picture.shape[2:]) == 32
        assert torch.equal(labels[0], images.test[i][1])


def test_what_belongs_to_no_class_is_ignored(tmp_path):
    folder = image_folders.ade20k(tmp_path)
    stored = segmentation.ADE20K / "annotations" / "validation" / "ADE_0.png"
    numbers = np.array(Image.open(folder / stored))
    _, labels = segmentation.read(folder, side=32).test[0]
    assert (labels[numbers == 0] == IGNORED).all()
    assert torch.equal(labels[numbers > 0], torch.from_numpy(numbers[numbers > 0] - 1))


@pytest.mark.parametrize(
    ("make", "part"),
    [
        (image_folders.voc, segmentation.VOC / "JPEGImages"),
        (image_folders.voc, segmentation.VOC / "SegmentationClass"),
        (image_folders.voc, segmentation.VOC / "ImageSets"),
        (image_folders.ade20k, segmentation.ADE20K / "images" / "training"),
        (image_folders.ade20k, segmentation.ADE20K / "annotations" / "validation"),
    ],
)
def test_a_missing_part_is_named_with_the_layout(make, part, tmp_path):
    (make(tmp_path) / part).rename(tmp_path / "elsewhere")
    with pytest.raises(ValueError, match=rf"there is no .*{part.name}.* laid out as .*{{"):
        segmentation.read(tmp_path, side=32)


def test_an_empty_folder_is_told_both_layouts(tmp_path):
    with pytest.raises(ValueError, match=r"neither VOCdevkit.*nor ADEChallengeData2016"):
        segmentation.read(tmp_path, side=32)


def test_a_data_set_without_images_is_refused(tmp_path):
    folder = image_folders.ade20k(tmp_path)
    for picture in (folder / segmentation.ADE20K / "images" / "training").iterdir():
        picture.unlink()
    with pytest.raises(ValueError, match="images for training and for testing, got 0 and 2"):
        segmentation.read(folder, side=32)


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.full((40, 40), 30, np.uint8), "classes beyond the 21"),
        (np.zeros((40, 40, 3), np.uint8), "one byte for each pixel"),
        (np.zeros((40, 40), np.uint16), "one byte for each pixel"),
        (np.zeros((9, 9), np.uint8), "must have the same size"),
    ],
)
def test_maps_without_classes_are_refused(array, message, tmp_path):
    images = segmentation.read(image_folders.voc(tmp_path), side=32)
    Image.fromarray(array).save(images.test.pairs[0][1])
    with pytest.raises(ValueError, match=message):
        images.test[0]
