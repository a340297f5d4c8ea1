"""What attention along the axes saves: a value that the learner works out."""

import torch

from attncourse.exercises.core import Exercise, Value, wrong

HEIGHT, WIDTH = 24, 40


def _law(height: int, width: int) -> list[int]:
    """Weights that position attention makes, that the two axes make, and how the latter grow."""
    return [(height * width) ** 2, height**2 + width**2, 4]


POSITION, AXIAL, FACTOR = _law(HEIGHT, WIDTH)

cost_law = Exercise(
    points=3,
    kind=Value(),
    title="cost_law: weights of position attention, weights along both axes, factor for twice H, W",
    oracle=[POSITION, AXIAL, FACTOR],
    misconceptions=(
        wrong(
            "places-counted",
            [HEIGHT * WIDTH, HEIGHT + WIDTH, 2],
            [HEIGHT * WIDTH, HEIGHT + WIDTH, 4],
            [HEIGHT * WIDTH, AXIAL, FACTOR],
            [POSITION, HEIGHT + WIDTH, 2],
            [POSITION, HEIGHT + WIDTH, FACTOR],
        ).because(
            "You count the tokens. Each of them asks each: count the *pairs*, and then ask again "
            "what doubling does."
        ),
        wrong("one-sequence", [POSITION, (HEIGHT + WIDTH) ** 2, FACTOR]).because(
            "You let rows ask columns, as if all were one sequence. Rows ask rows and columns ask "
            "columns."
        ),
        wrong(
            "rows-ask-columns",
            [POSITION, HEIGHT * WIDTH, FACTOR],
            [POSITION, 2 * HEIGHT * WIDTH, FACTOR],
        ).because(
            "That many pairs there are of a row *and* a column. But rows ask rows, and columns "
            "columns."
        ),
        wrong("one-axis", [POSITION, HEIGHT**2, FACTOR], [POSITION, WIDTH**2, FACTOR]).because(
            "You count one axis. Rows are attended to, and columns as well: add both."
        ),
        wrong(
            "within-each-line",
            [POSITION, HEIGHT * WIDTH * (HEIGHT + WIDTH), 8],
            [POSITION, HEIGHT * WIDTH * (HEIGHT + WIDTH), FACTOR],
        ).because(
            "That is axial attention without the squeeze: every row of pixels attends within "
            "itself, and every column. Here a whole row has become *one* token."
        ),
        wrong("multiplied", [POSITION, HEIGHT**2 * WIDTH**2, 16]).because(
            "You multiply the pairs of rows by the pairs of columns, and save nothing. The two are "
            "made one after the other: add."
        ),
        wrong("factor-of-position-attention", [POSITION, AXIAL, 16]).because(
            "The two counts are right. The factor is that of position attention; how do the "
            "squares of the sides grow?"
        ),
        wrong("factor-two", [POSITION, AXIAL, 2]).because(
            "The two counts are right. The *tokens* double; and the pairs?"
        ),
        wrong("factor-eight", [POSITION, AXIAL, 8]).because(
            "The two counts are right. Both squares grow by the same factor, and so does their "
            "sum: do not multiply the two factors, or add them."
        ),
        wrong("exchanged", [AXIAL, POSITION, FACTOR]).because(
            "The first two numbers are exchanged: position attention comes first."
        ),
    ),
    right=(
        (POSITION, AXIAL, FACTOR),
        [float(POSITION), float(AXIAL), float(FACTOR)],
        [POSITION, AXIAL, 2**2],
        torch.tensor([POSITION, AXIAL, FACTOR]),
    ),
)
