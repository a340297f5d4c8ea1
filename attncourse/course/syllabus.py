"""The one list of lessons. A number is never reused, a slug never changes."""

import difflib
from dataclasses import dataclass


@dataclass(frozen=True)
class Lesson:
    """One lesson of the course.

    Attributes:
        number: Its place; fixed for ever, also when lessons before it are still to come.
        slug: Names the same thing in every room: notebook, mechanism, exercises, tests.
        part: The part of the course it belongs to.
        title: What a learner reads first.
        promise: What the learner has afterwards, in one line.
        needs: Slugs of the lessons it builds on.
    """

    number: int
    slug: str
    part: str
    title: str
    promise: str
    needs: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Number and slug, as in the names of its folder and notebook: `01-bahdanau`."""
        return f"{self.number:02d}-{self.slug}"

    @property
    def module(self) -> str:
        """The slug as Python spells it, in the names of modules: `stand_alone`."""
        return self.slug.replace("-", "_")


WARM_UP = "Warm-up"
SEQUENCES = "I · Sequences"
GATES = "II · Gates"
DENSE = "III · Dense maps"
WHERE = "IV · Where to look"

LESSONS: tuple[Lesson, ...] = (
    Lesson(0, "attention", WARM_UP, "Attention by hand",
           "Compute query, key and value with three tokens and a pencil, then with three lines."),
    Lesson(1, "bahdanau", SEQUENCES, "Learning to align",
           "Let a decoder look back at every word it has read, and see where it looks."),
    Lesson(2, "luong", SEQUENCES, "Three ways to score",
           "Replace the small network that scores by a product, and find out what that costs.",
           ("bahdanau",)),
    Lesson(3, "text-classification", SEQUENCES, "Words that decide",
           "Read a sentence with attention, and test whether its weights explain the decision.",
           ("bahdanau",)),
    Lesson(4, "transformer", SEQUENCES, "Attention is all you need",
           "Build an encoder and decoder without recurrence, mask by mask.",
           ("bahdanau",)),
    Lesson(5, "vit", SEQUENCES, "Patches as words",
           "Cut an image into patches and let a Transformer read it.",
           ("transformer",)),
    Lesson(6, "se", GATES, "Squeeze and excitation",
           "Give a network a gate that turns channels up and down by what the image shows."),
    Lesson(7, "sk", GATES, "Selective kernels",
           "Let every layer choose between small and large kernels, image by image.",
           ("se",)),
    Lesson(8, "cbam", GATES, "What, then where",
           "Gate channels first and places second, and measure which of the two helps.",
           ("se",)),
    Lesson(9, "coordinate", GATES, "Coordinate attention",
           "Keep the row and the column while pooling, so that a gate can point.",
           ("se",)),
    Lesson(10, "triplet", GATES, "Three rotations",
           "Tie channels to rows and columns by turning the same small gate three ways.",
           ("cbam",)),
    Lesson(11, "danet", DENSE, "Every pixel sees every pixel",
           "Label pixels with the help of far places that look alike, and bound the memory.",
           ("transformer", "se")),
    Lesson(12, "stand-alone", DENSE, "Attention instead of convolution",
           "Replace a convolution by attention to a neighbourhood.",
           ("transformer",)),
    Lesson(13, "seaformer", DENSE, "Squeeze an axis",
           "Label large images on a small budget by attending along rows and columns.",
           ("danet", "coordinate")),
    Lesson(14, "hard-attention", WHERE, "One glimpse at a time",
           "Train a network that must decide where to look before it may see.",
           ("bahdanau",)),
    Lesson(15, "captioning", WHERE, "Show, attend and tell",
           "Describe an image word by word, and see which place each word comes from.",
           ("bahdanau",)),
    Lesson(16, "guided-attention", WHERE, "Telling it where to look",
           "Push attention to the right place with a second loss.",
           ("captioning",)),
)  # fmt: skip


def find(name: str) -> Lesson:
    """Finds a lesson by number (`1`, `01`), slug (`bahdanau`) or both (`01-bahdanau`).

    Raises:
        ValueError: No lesson is called so; the message names the nearest ones.
    """
    wanted = name.strip().lower()
    for lesson in LESSONS:
        if wanted in (lesson.name, lesson.slug, str(lesson.number), f"{lesson.number:02d}"):
            return lesson
    names = {spelling: each.name for each in LESSONS for spelling in (each.name, each.slug)}
    near = [names[spelling] for spelling in difflib.get_close_matches(wanted, names, n=3)]
    hint = f"did you mean {' or '.join(dict.fromkeys(near))}?" if near else "06-se is, for instance"
    raise ValueError(f"no lesson is called {name!r}; {hint}")


def parts() -> dict[str, list[Lesson]]:
    """The lessons by part, in the order of the course."""
    grouped: dict[str, list[Lesson]] = {}
    for lesson in LESSONS:
        grouped.setdefault(lesson.part, []).append(lesson)
    return grouped
