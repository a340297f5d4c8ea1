"""Two digits in one place, one woven fine and one coarse; a swatch tells which of them to read.

The digits are real handwriting, see `attncourse.data.handwriting`, enlarged to 14×14. Woven means
that their ink is laid down in upright stripes. The swatch at the left is woven like the digit to
read, and lies too far away for a few convolutions to see both whole.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from attncourse.data import handwriting
from attncourse.data.handwriting import Handwriting, Task, draw_task

Numbers = NDArray[np.float64]

PITCHES = (1, 2)
"""Width of a stripe and of the gap beside it, in pixels: fine, coarse."""
WEAVES = ("fine", "coarse")

HEIGHT, WIDTH = 16, 30
SWATCH = 8  # columns at the left
_SIDE = 14  # of a digit
_PLAY = 2  # pixels by which the digits wander


@dataclass(frozen=True)
class Images(handwriting.Images):
    """Drawn images.

    Attributes:
        pixels: (N, 1, 16, 30), from 0 to 2: swatch at the left, digits at the right.
        asked: (N,), the number of the weave to read.
        digits: (N, 2), the digit in each weave.
    """

    asked: Tensor
    digits: Tensor

    @property
    def labels(self) -> Tensor:
        """(N,), the digit that is woven like the swatch."""
        return self.digits.gather(1, self.asked[:, None]).squeeze(1)

    def with_swatch(self, pitch: float, *, phase: float = 0.0) -> Tensor:
        """Draw the pixels (N, 1, 16, 30) with stripes of this width, from 1, as swatch."""
        pixels = self.pixels.clone()
        pixels[..., :SWATCH] = torch.from_numpy(stripes(pitch, SWATCH, phase))
        return pixels


def load(images: int = 6_000, *, seed: int = 0) -> Task[Images]:
    """Draw the task; see `attncourse.data.handwriting.draw_task` for arguments and errors."""
    return draw_task(_draw, images, seed)


def stripes(pitch: float, columns: int, phase: float = 0.0) -> NDArray[np.float32]:
    """Draw a row of ink, 1, and gaps, 0, each `pitch` wide, from `phase` pixels into one."""
    where = (np.arange(columns) + phase) / pitch
    return (np.floor(where) % 2 == 0).astype(np.float32)


def _enlarged(written: Numbers) -> Numbers:
    """Enlarge drawings to be as large as the stripes need, smoothly."""
    drawings = torch.from_numpy(written)[:, None]
    enlarged = torch.nn.functional.interpolate(drawings, size=_SIDE, mode="bilinear")
    return enlarged[:, 0].numpy()


def _draw(written: Handwriting, images: int, rng: np.random.Generator) -> Images:
    """Draw images of digits of this handwriting; each of the two is chosen for itself."""
    chosen = rng.integers(len(written.digits), size=(images, len(PITCHES)))
    asked = rng.integers(len(PITCHES), size=images)
    top, left = rng.integers(_PLAY + 1, size=(2, images))
    left += WIDTH - _SIDE - _PLAY
    phases = rng.integers(2 * max(PITCHES), size=(images, len(PITCHES) + 1))
    drawings = _enlarged(written.drawings)
    pixels = np.zeros((images, 1, HEIGHT, WIDTH), dtype=np.float32)
    for i, (image,) in enumerate(pixels):
        image[:, :SWATCH] = stripes(PITCHES[asked[i]], SWATCH, phases[i, -1])
        place = image[top[i] : top[i] + _SIDE, left[i] : left[i] + _SIDE]
        for number, pitch, phase in zip(chosen[i], PITCHES, phases[i], strict=False):
            place += drawings[number] * stripes(pitch, _SIDE, phase)
    return Images(*map(torch.from_numpy, (pixels, asked, written.digits[chosen])))
