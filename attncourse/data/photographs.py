"""Two real photographs, small enough to compute with in a lesson.

They ship with scikit-learn, both under CC BY 2.0: a Chinese pavilion by danielbuechele, and a
flower by vultilion (flickr.com).
"""

import numpy as np
import torch
from torch import Tensor

FILES = {"china": "china.jpg", "flower": "flower.jpg"}


def load(name: str, *, height: int = 64) -> Tensor:
    """Load a photograph as maps of red, green and blue.

    Args:
        name: "china" or "flower".
        height: of the small copy, at most 427; a pixel is the mean of a block of the original.

    Returns:
        (3, H, W), from 0 to 1, one and a half times as wide as high.

    Raises:
        ValueError: if there is no such photograph, or the height is out of range.
    """
    from sklearn.datasets import load_sample_image

    if name not in FILES:
        raise ValueError(f"name must be one of {', '.join(FILES)}, got {name!r}")
    pixels = torch.from_numpy(np.array(load_sample_image(FILES[name])))  # (427, 640, 3)
    full = pixels.permute(2, 0, 1).float() / 255
    if not 1 <= height <= full.shape[1]:
        raise ValueError(f"height must lie in [1, {full.shape[1]}], got {height}")
    return torch.nn.functional.adaptive_avg_pool2d(full, (height, round(1.5 * height)))
