"""The sizes of SeaFormer, as the official code (fudan-zvg/SeaFormer) configures them."""

from typing import NamedTuple

Residual = tuple[int, int, int, int]
"""An inverted residual: depthwise kernel, inner channels by outer, channels, stride."""


class Blocks(NamedTuple):
    """SeaFormer blocks: how many, the width of a key, hidden channels by channels."""

    depth: int
    key_dim: int
    mlp_ratio: int


class Stage(NamedTuple):
    """Inverted residuals, and the blocks that may follow them."""

    residuals: tuple[Residual, ...]
    blocks: Blocks | None = None

    @property
    def channels(self) -> int:
        """Channels of its map."""
        return self.residuals[-1][2]


class Variant(NamedTuple):
    """A size of the network.

    Attributes:
        stem: Channels of the first convolution.
        heads: Of attention.
        head: Channels of the segmentation head at each stage with blocks.
        stages: What follows the stem; the map of the second is an eighth of the image.
    """

    stem: int
    heads: int
    head: tuple[int, ...]
    stages: tuple[Stage, ...]


VARIANTS = {
    "t": Variant(
        stem=16,
        heads=4,
        head=(64, 96),
        stages=(
            Stage(((3, 1, 16, 1), (3, 4, 16, 2), (3, 3, 16, 1))),
            Stage(((5, 3, 32, 2), (5, 3, 32, 1))),
            Stage(((3, 3, 64, 2), (3, 3, 64, 1))),
            Stage(((5, 3, 128, 2),), Blocks(2, 16, 2)),
            Stage(((3, 6, 160, 2),), Blocks(2, 24, 4)),
        ),
    ),
    "s": Variant(
        stem=16,
        heads=6,
        head=(96, 128),
        stages=(
            Stage(((3, 1, 16, 1), (3, 4, 24, 2), (3, 3, 24, 1))),
            Stage(((5, 3, 48, 2), (5, 3, 48, 1))),
            Stage(((3, 3, 96, 2), (3, 3, 96, 1))),
            Stage(((5, 4, 160, 2),), Blocks(3, 16, 2)),
            Stage(((3, 6, 192, 2),), Blocks(3, 24, 4)),
        ),
    ),
    "b": Variant(
        stem=16,
        heads=8,
        head=(128, 160),
        stages=(
            Stage(((3, 1, 16, 1), (3, 4, 32, 2), (3, 3, 32, 1))),
            Stage(((5, 3, 64, 2), (5, 3, 64, 1))),
            Stage(((3, 3, 128, 2), (3, 3, 128, 1))),
            Stage(((5, 4, 192, 2),), Blocks(4, 16, 2)),
            Stage(((3, 6, 256, 2),), Blocks(4, 24, 4)),
        ),
    ),
    "l": Variant(
        stem=32,
        heads=8,
        head=(128, 160, 192),
        stages=(
            Stage(((3, 3, 32, 1), (3, 4, 64, 2), (3, 4, 64, 1))),
            Stage(((5, 4, 128, 2), (5, 4, 128, 1))),
            Stage(((3, 4, 192, 2), (3, 4, 192, 1)), Blocks(3, 16, 2)),
            Stage(((5, 4, 256, 2),), Blocks(3, 20, 4)),
            Stage(((3, 6, 320, 2),), Blocks(3, 24, 6)),
        ),
    ),
}


def variant_of(variant: str | Variant) -> Variant:
    """Look up a size by name; a size stays itself.

    Raises:
        ValueError: If there is no such name.
    """
    if isinstance(variant, Variant):
        return variant
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {list(VARIANTS)}, got {variant!r}")
    return VARIANTS[variant]
