"""Strings enciphered with a scytale: what is written side by side was read far apart.

A scytale is a rod. A strip of leather is wound around it, the message is written along the rod, and
the strip is unwound again: now its symbols stand in another order, `columns` turns apart. Who
deciphers jumps back and forth over the whole strip, by the same jumps for every message; nothing in
the symbols says where to look.
"""

import numpy as np

from attncourse.data.parallel_text import Pair, ParallelText


def load(
    pairs: int = 8_000,
    *,
    rows: int = 4,
    columns: int = 6,
    alphabet: str = "0123456789",
    seed: int = 0,
) -> ParallelText:
    """Draw messages of rows · columns symbols, and their strips: "adbecf" → "abcdef" for 2 · 3.

    One pair in ten is kept for testing.

    Args:
        pairs: Number of pairs, for training and testing together.
        rows: Lines along the rod; the symbols of a message that stand one above the other follow
            each other on the strip.
        columns: Symbols in a line, and turns of the strip.
        alphabet: The symbols, drawn by lot.
        seed: Fixes the messages.

    Returns:
        The task, from strip to message; both of its vocabularies consist of characters.

    Raises:
        ValueError: If there are fewer than 100 pairs, fewer than 2 rows or columns, or no symbol.
    """
    if pairs < 100 or rows < 2 or columns < 2 or not alphabet:
        raise ValueError(
            "pairs must be at least 100, rows and columns at least 2 and the alphabet not empty; "
            f"got pairs={pairs}, rows={rows}, columns={columns}, alphabet={alphabet!r}"
        )
    rng = np.random.default_rng(seed)
    messages = rng.choice(list(alphabet), (pairs, rows, columns))
    drawn: list[Pair] = [
        ("".join(message.T.flat), "".join(message.flat))  # turn by turn, line by line
        for message in messages
    ]
    return ParallelText.build(drawn[pairs // 10 :], drawn[: pairs // 10])


def places(rows: int = 4, columns: int = 6) -> list[int]:
    """Where each symbol of the message stands on the strip, from 0: the map to be found.

    Args:
        rows: Lines along the rod.
        columns: Symbols in a line.
    """
    return [row + rows * column for row in range(rows) for column in range(columns)]
