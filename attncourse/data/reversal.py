"""Random strings and their reverse: what a context of a fixed size can hold, and what it cannot.

Nothing can be guessed and every symbol counts, so accuracy against length shows the bare memory.
"""

import numpy as np

from attncourse.data.parallel_text import Pair, ParallelText


def load(
    pairs: int = 20_000,
    *,
    shortest: int = 1,
    longest: int = 10,
    alphabet: str = "0123456789",
    seed: int = 0,
) -> ParallelText:
    """Draw strings of `shortest` to `longest` symbols, every length equally often: "2718" → "8172".

    One pair in ten is kept for testing. The shortest strings are few, so training has seen them.

    Args:
        pairs: Number of pairs, for training and testing together.
        shortest: The smallest length; that of all strings where it is `longest` too.
        longest: The greatest length.
        alphabet: The symbols.
        seed: Fixes the strings.

    Returns:
        The task; both of its vocabularies consist of characters.

    Raises:
        ValueError: If there are fewer than 100 pairs, or no symbol or no length to choose from.
    """
    if pairs < 100 or not 1 <= shortest <= longest or not alphabet:
        raise ValueError(
            "pairs must be at least 100, shortest from 1 to longest and the alphabet not empty; "
            f"got pairs={pairs}, shortest={shortest}, longest={longest}, alphabet={alphabet!r}"
        )
    rng = np.random.default_rng(seed)
    lengths = rng.integers(shortest, longest, endpoint=True, size=pairs)
    strings = ["".join(rng.choice(list(alphabet), length)) for length in lengths]
    drawn: list[Pair] = [(string, string[::-1]) for string in strings]
    return ParallelText.build(drawn[pairs // 10 :], drawn[: pairs // 10])
