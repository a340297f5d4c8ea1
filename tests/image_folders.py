"""Small data sets in the layouts of the real ones: what they show can be told by its colour."""

import io
import pickle
import struct

import numpy as np
from PIL import Image

COLOURS = np.array([(220, 40, 40), (40, 220, 40), (40, 40, 220), (200, 200, 40)], dtype=np.uint8)


def coloured(rng, label, height, width):
    """An image (H, W, 3) in the colour of its class, with noise."""
    noise = rng.integers(-30, 30, (height, width, 3), endpoint=True)
    return (COLOURS[label] + noise).clip(0, 255).astype(np.uint8)


def cifar(folder, *, train=40, test=12):
    """CIFAR-100 for Python, with four classes."""
    rng, home = np.random.default_rng(0), folder / "cifar-100-python"
    home.mkdir(parents=True)
    names = ["apple", "fern", "sea", "lion"]
    (home / "meta").write_bytes(python_2_pickle({"fine_label_names": names}))
    for part, count in (("train", train), ("test", test)):
        labels = [i % 4 for i in range(count)]
        images = np.stack([coloured(rng, label, 32, 32).transpose(2, 0, 1) for label in labels])
        content = {"data": images.reshape(count, -1), "fine_labels": labels}
        (home / part).write_bytes(python_2_pickle(content))
    return folder


def photographs(folder, *, train=6, test=2):
    """A folder a class, with images of different sizes and formats."""
    rng = np.random.default_rng(0)
    for part, count in (("train", train), ("val", test)):
        for label, name in enumerate(("apple", "fern", "sea")):
            (folder / part / name).mkdir(parents=True)
            for i in range(count):
                height, width = rng.integers(20, 90, 2)
                image = Image.fromarray(coloured(rng, label, height, width))
                image.save(folder / part / name / f"{i}.{('png', 'JPEG')[i % 2]}")
    return folder


def voc(folder, *, train=6, test=2):
    """PASCAL VOC 2012: classes as palette images, with an edge that is 255."""
    home = folder / "VOCdevkit" / "VOC2012"
    listings = home / "ImageSets" / "Segmentation"
    listings.mkdir(parents=True)
    for name, count in (("train", train), ("val", test)):
        names = [f"2007_{name}{i}" for i in range(count)]
        (listings / f"{name}.txt").write_text("\n".join(names) + "\n")
        for i, stem in enumerate(names):
            image, labels = scene(np.random.default_rng((count, i)))
            labels[labels.shape[0] // 2] = 255
            picture = Image.fromarray(labels, mode="P")
            picture.putpalette(COLOURS.flatten().tolist())
            save(Image.fromarray(image), home / "JPEGImages" / f"{stem}.jpg")
            save(picture, home / "SegmentationClass" / f"{stem}.png")
    return folder


def ade20k(folder, *, train=6, test=2):
    """ADE20K: classes from 1, and 0 for none."""
    home = folder / "ADEChallengeData2016"
    for part, count in (("training", train), ("validation", test)):
        for i in range(count):
            image, labels = scene(np.random.default_rng((count, i)))
            save(Image.fromarray(image), home / "images" / part / f"ADE_{i}.jpg")
            save(Image.fromarray(labels), home / "annotations" / part / f"ADE_{i}.png")
    return folder


def scene(rng):
    """An image whose halves show two classes, and the classes (H, W)."""
    height, width = rng.integers(40, 80, 2)
    labels = np.zeros((height, width), dtype=np.uint8)
    labels[:, : width // 2] = rng.integers(1, 3, endpoint=True)
    noise = rng.integers(-30, 30, (height, width, 3), endpoint=True)
    return (COLOURS[labels] + noise).clip(0, 255).astype(np.uint8), labels


def save(image, path):
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)


def python_2_pickle(content):
    """What Python 2 and its numpy wrote, as the files of CIFAR-100 were: every string is bytes."""

    class Pickler(pickle._Pickler):
        def save_string(self, text):
            data = text if isinstance(text, bytes) else text.encode("latin1")
            self.write(pickle.BINSTRING + struct.pack("<i", len(data)) + data)

        dispatch = pickle._Pickler.dispatch | {str: save_string, bytes: save_string}

    stream = io.BytesIO()
    Pickler(stream, protocol=2).dump(content)
    return stream.getvalue().replace(b"numpy._core", b"numpy.core")
