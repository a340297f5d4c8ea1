"""What attention along the axes saves: a value that the learner works out."""

from attncourse.exercises.core import Exercise, Misconception, Value

HEIGHT, WIDTH = 24, 40


def _law(height: int, width: int) -> list[int]:
    """Weights that position attention makes, that the two axes make, and how the latter grow."""
    return [(height * width) ** 2, height**2 + width**2, 4]


POSITION, AXIAL, FACTOR = _law(HEIGHT, WIDTH)

cost_law = Exercise(
    name="cost_law",
    lesson="13-seaformer",
    points=3,
    kind=Value(),
    title="cost_law: weights of position attention, weights along both axes, factor for twice H, W",
    oracle=[POSITION, AXIAL, FACTOR],
    misconceptions=(
        Misconception(
            "places-counted",
            [HEIGHT * WIDTH, HEIGHT + WIDTH, 2],
            "You count the tokens. Each of them asks each: count the *pairs*, and then ask again "
            "what doubling does.",
            variants=(
                [HEIGHT * WIDTH, HEIGHT + WIDTH, 4],
                [HEIGHT * WIDTH, AXIAL, FACTOR],
                [POSITION, HEIGHT + WIDTH, 2],
                [POSITION, HEIGHT + WIDTH, FACTOR],
            ),
        ),
        Misconception(
            "one-sequence",
            [POSITION, (HEIGHT + WIDTH) ** 2, FACTOR],
            "You let rows ask columns, as if all were one sequence. Rows ask rows and columns ask "
            "columns.",
        ),
        Misconception(
            "rows-ask-columns",
            [POSITION, HEIGHT * WIDTH, FACTOR],
            "That many pairs there are of a row *and* a column. But rows ask rows, and columns "
            "columns.",
            variants=([POSITION, 2 * HEIGHT * WIDTH, FACTOR],),
        ),
        Misconception(
            "one-axis",
            [POSITION, HEIGHT**2, FACTOR],
            "You count one axis. Rows are attended to, and columns as well: add both.",
            variants=([POSITION, WIDTH**2, FACTOR],),
        ),
        Misconception(
            "within-each-line",
            [POSITION, HEIGHT * WIDTH * (HEIGHT + WIDTH), 8],
            "That is axial attention without the squeeze: every row of pixels attends within "
            "itself, and every column. Here a whole row has become *one* token.",
            variants=([POSITION, HEIGHT * WIDTH * (HEIGHT + WIDTH), FACTOR],),
        ),
        Misconception(
            "multiplied",
            [POSITION, HEIGHT**2 * WIDTH**2, 16],
            "You multiply the pairs of rows by the pairs of columns, and save nothing. The two are "
            "made one after the other: add.",
        ),
        Misconception(
            "factor-of-position-attention",
            [POSITION, AXIAL, 16],
            "The two counts are right. The factor is that of position attention; how do the "
            "squares of the sides grow?",
        ),
        Misconception(
            "factor-two",
            [POSITION, AXIAL, 2],
            "The two counts are right. The *tokens* double; and the pairs?",
        ),
        Misconception(
            "factor-eight",
            [POSITION, AXIAL, 8],
            "The two counts are right. Both squares grow by the same factor, and so does their "
            "sum: do not multiply the two factors, or add them.",
        ),
        Misconception(
            "exchanged",
            [AXIAL, POSITION, FACTOR],
            "The first two numbers are exchanged: position attention comes first.",
        ),
    ),
    right=(
        (POSITION, AXIAL, FACTOR),
        [float(POSITION), float(AXIAL), float(FACTOR)],
        [POSITION, AXIAL, 2**2],
    ),
)
