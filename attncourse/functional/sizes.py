"""Demands on the sizes that mechanisms are built from."""


def positive(**sizes: int) -> None:
    """Demand that every named size is a positive integer.

    Raises:
        ValueError: With the name of the first that is not.
    """
    for name, size in sizes.items():
        if not isinstance(size, int) or size < 1:
            raise ValueError(f"{name} must be a positive integer, got {size}")


def reduced(channels: int, reduction: int) -> int:
    """Return the hidden width C // r of a gate.

    Raises:
        ValueError: If that is no positive number.
    """
    positive(channels=channels, reduction=reduction)
    if reduction > channels:
        raise ValueError(
            "reduction must be a positive integer that is at most "
            f"channels={channels}, got {reduction}"
        )
    return channels // reduction
