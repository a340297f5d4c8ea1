import numpy as np
import pytest
import torch

from attncourse.data import image_folder
from tests import image_folders


@pytest.fixture
def folder(tmp_path):
    return image_folders.photographs(tmp_path)


def test_classes_are_numbered_by_name_and_served_at_one_size(folder):
    images = image_folder.read(folder, side=24)
    assert (len(images.train), len(images.test), images.classes) == (18, 6, 3)
    (pictures, labels), *_ = images.tests(6)
    assert (pictures.shape, pictures.dtype) == ((6, 3, 24, 24), torch.uint8)
    assert labels.tolist() == [0, 0, 1, 1, 2, 2]
    means = pictures.float().mean((2, 3)).numpy()
    assert np.abs(means - image_folders.COLOURS[labels]).max() < 20


def test_training_sees_the_same_classes_and_size(folder):
    pictures, labels = image_folder.read(folder, side=24).batches(18)[0]
    assert pictures.shape == (18, 3, 24, 24)
    means = pictures.float().mean((2, 3)).numpy()
    assert np.abs(means - image_folders.COLOURS[labels]).max() < 20


def test_other_files_are_passed_over(folder):
    (folder / "train" / "apple" / "notes.txt").write_text("eaten")
    (folder / "train" / "list.txt").write_text("apple")
    assert len(image_folder.read(folder, side=24).train) == 18


def test_a_file_that_is_no_image_is_named(folder):
    (folder / "val" / "apple" / "0.png").write_bytes(b"no image")
    with pytest.raises(ValueError, match=r"0\.png cannot be read as an image"):
        image_folder.read(folder, side=24).test[0]


def test_missing_folders_are_named_with_the_layout(tmp_path):
    with pytest.raises(ValueError, match=r"no folder .*train: images are expected as train/CLASS"):
        image_folder.read(tmp_path, side=24)
    (tmp_path / "train" / "apple").mkdir(parents=True)
    with pytest.raises(ValueError, match=r"no folder .*val: images are expected as train/CLASS"):
        image_folder.read(tmp_path, side=24)
    (tmp_path / "val").mkdir()
    with pytest.raises(ValueError, match=r"no images in .*train: they are expected as train/CLASS"):
        image_folder.read(tmp_path, side=24)


def test_a_class_that_is_only_tested_is_refused(folder):
    (folder / "val" / "quince").mkdir()
    with pytest.raises(ValueError, match="classes in val but not in train: quince"):
        image_folder.read(folder, side=24)
