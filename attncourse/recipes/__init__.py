"""The lessons' networks at full size, on your own data: a recipe a lesson, `attncourse train SLUG`.

A recipe is a function whose keyword arguments are the command's options. It imports heavy libraries
when it runs, so that the command's help appears at once.
"""

from collections.abc import Callable

from attncourse.models.gates import GATES, networks
from attncourse.recipes import bahdanau, classify, segment, transformer

RECIPES: dict[str, Callable[..., None]] = {
    "bahdanau": bahdanau.train,
    "transformer": transformer.train,
    **{
        slug: classify.recipe(slug, *networks(slug))
        for slug in dict.fromkeys(gate.slug for gate in GATES.values())
    },
    "danet": segment.recipe(
        "danet", "danet_resnet50", "danet_resnet101", optimizer="sgd", lr=0.01, weight_decay=1e-4
    ),
    "seaformer": segment.recipe(
        "seaformer",
        *(f"seaformer_{size}_segmentation" for size in "tsbl"),
        optimizer="adamw",
        lr=5e-4,
        weight_decay=0.01,
    ),
}
