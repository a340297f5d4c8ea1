import pickle

import numpy as np
import pytest
import torch

from attncourse.data import cifar
from tests import image_folders


@pytest.fixture
def folder(tmp_path):
    return image_folders.cifar(tmp_path)


def test_images_keep_their_colours_and_classes(folder):
    images = cifar.read(folder)
    assert (len(images.train), len(images.test), images.classes) == (40, 12, 4)
    for i in range(4):
        picture, label = images.test[i]
        assert (picture.shape, picture.dtype) == ((3, 32, 32), torch.uint8)
        assert label == i
        mean = picture.float().mean((1, 2)).numpy()
        assert np.abs(mean - image_folders.COLOURS[i]).max() < 10


def test_an_image_to_be_judged_stays_as_it_is(folder):
    images = cifar.read(folder)
    batch, labels = next(iter(images.tests(12)))
    assert torch.equal(batch, images.test.pixels)
    assert torch.equal(labels, images.test.labels)


@pytest.mark.parametrize("name", ["train", "test", "meta"])
def test_a_missing_file_is_named(folder, name):
    (folder / "cifar-100-python" / name).unlink()
    with pytest.raises(ValueError, match=rf"there is no .*{name}: .*{{train,test,meta}}"):
        cifar.read(folder)


class Program:
    """A pickle of it creates a file when it is read by `pickle.load`."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def test_a_file_cannot_run_a_program(folder, tmp_path):
    path = tmp_path / "created"
    (folder / "cifar-100-python" / "meta").write_bytes(pickle.dumps(Program(path)))
    with pytest.raises(ValueError, match=r"meta is not a file of CIFAR-100: it asks for .*open"):
        cifar.read(folder)
    assert not path.exists()


@pytest.mark.parametrize(
    "content",
    [
        {"data": np.zeros((4, 3000), np.uint8), "fine_labels": [0] * 4},
        {"data": np.zeros((5, 3072), np.uint8), "fine_labels": [0] * 4},
        {"data": np.zeros((4, 3072)), "fine_labels": [0] * 4},
        {"data": np.zeros((4, 3072), np.uint8), "fine_labels": [0, 1, 2, 4]},
        {"data": np.zeros((4, 3072), np.uint8), "labels": [0] * 4},
        [],
    ],
)
def test_other_content_is_refused(folder, content):
    path = folder / "cifar-100-python" / "train"
    path.write_bytes(image_folders.python_2_pickle(content))
    with pytest.raises(ValueError, match="train"):
        cifar.read(folder)


@pytest.mark.parametrize("content", [b"", b"no pickle at all"])
def test_a_file_that_is_no_pickle_is_refused(folder, content):
    (folder / "cifar-100-python" / "test").write_bytes(content)
    with pytest.raises(ValueError, match="test is not a file of CIFAR-100"):
        cifar.read(folder)
