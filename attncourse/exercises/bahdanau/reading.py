"""Reading an alignment: a value that the learner types."""

from collections.abc import Callable

import torch
from torch import Tensor

from attncourse.exercises.core import Exercise, Value, wrong

#: A date as someone wrote it, and what it means; the learner sees the map but not the text.
HIDDEN_SOURCE, TARGET = "perjantai 27. marraskuuta 1931", "1931-11-27"


def alignment_to_read() -> Tensor:
    """The alignment map of exercise `reading`: (10 target characters, 30 source characters).

    Drawn, not trained, so that everyone reads the same: each digit of the year and the day is read
    where it stands, the month from its first letters, and a dash already looks at what comes next.
    """
    places = torch.arange(len(HIDDEN_SOURCE), dtype=torch.float64)
    year, month, day = (HIDDEN_SOURCE.index(part) for part in ("1931", "marras", "27"))
    # A row for each character of 1931-11-27: where it looks, and how widely.
    looks = [(year + k, 0.4) for k in range(4)] + [(month + 1, 1.4)]
    looks += [(month, 0.9), (month + 2, 1.1), (day, 0.8), (day, 0.4), (day + 1, 0.4)]
    centres, widths = torch.tensor(looks, dtype=torch.float64).T[..., None]
    distance = (places - centres) / widths
    return torch.softmax(-(distance**2) / 2, dim=-1)


def _reading() -> list[int]:
    """Where year, month and day begin, from the peaks of the rows that write their first digits."""
    peaks = alignment_to_read().argmax(-1)
    return [int(peaks[TARGET.index(first)]) for first in ("1931", "11-", "27")]


def _reading_with(change: Callable[[Tensor], list[int]]) -> list[int]:
    return change(alignment_to_read())


reading = Exercise(
    points=2,
    kind=Value(),
    title="reading: where the source holds year, month and day",
    oracle=_reading(),
    misconceptions=(
        wrong("counted-from-one", [place + 1 for place in _reading()]).because(
            "You count places from one; the axis of the map begins at zero."
        ),
        wrong("order-of-the-source", sorted(_reading())).because(
            "These are the right places in the order of the source. Asked for is year, month, "
            "day: follow the *rows*, which write the year first."
        ),
        wrong(
            "rows-for-columns", [TARGET.index("1931"), TARGET.index("11-"), TARGET.index("27")]
        ).because(
            "You read the rows, where the *output* holds the three parts. The columns tell where "
            "the model looks."
        ),
        wrong(
            "ends", _reading_with(lambda m: [int(m.argmax(-1)[row]) for row in (3, 6, 9)])
        ).because("These are the places of the last digits; asked for is where each part begins."),
        wrong(
            "dashes",
            _reading_with(
                lambda m: [int(m.argmax(-1)[0]), *(int(m.argmax(-1)[row]) for row in (4, 7))]
            ),
        ).because(
            "You read month and day in the rows of the dashes before them; take the row of the "
            "first digit."
        ),
    ),
    right=(
        tuple(_reading()),
        [float(place) for place in _reading()],
        torch.tensor(_reading()),
        torch.tensor(_reading(), dtype=torch.float32),
    ),
)
