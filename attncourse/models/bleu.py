"""BLEU: how many groups of words a translation shares with a reference.

Paper: Papineni, Roukos, Ward, Zhu, BLEU: a Method for Automatic Evaluation of Machine Translation,
    ACL 2002.

BLEU = min(1, e^(1 − r/c)) · (p₁ p₂ p₃ p₄)^(1/4)

c and r are the numbers of words of all translations and of all references; pₙ is the share of the
translations' groups of n words that stand in their reference too, each as often as there at most.
"""

import math
from collections import Counter
from collections.abc import Sequence

LONGEST = 4


def bleu(translations: Sequence[str], references: Sequence[str]) -> float:
    """Score a whole text with one reference a sentence; words are apart by white space.

    Args:
        translations: To be judged.
        references: What was expected, in the same order.

    Returns:
        From 0 to 1; papers print a hundred times as much.

    Raises:
        ValueError: If there are not as many references as translations.
    """
    pairs = [
        (said.split(), meant.split()) for said, meant in zip(translations, references, strict=True)
    ]
    shares = []
    for n in range(1, LONGEST + 1):
        groups = [(_groups(said, n), _groups(meant, n)) for said, meant in pairs]
        total = sum(said.total() for said, _ in groups)
        shared = sum((said & meant).total() for said, meant in groups)
        if shared == 0:
            return 0.0
        shares.append(shared / total)
    said, meant = (sum(map(len, side)) for side in zip(*pairs, strict=True))
    return min(1.0, math.exp(1 - meant / said)) * math.prod(shares) ** (1 / LONGEST)


def _groups(words: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))
