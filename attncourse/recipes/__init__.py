"""The lessons' networks at full size, on your own data: a recipe a lesson, `attncourse train SLUG`.

A recipe is a function whose keyword arguments are the command's options. It imports heavy libraries
when it runs, so that the command's help appears at once.
"""

from collections.abc import Callable

from attncourse.recipes import bahdanau, classify, segment, transformer

RECIPES: dict[str, Callable[..., None]] = {
    "bahdanau": bahdanau.train,
    "transformer": transformer.train,
    "se": classify.recipe("se", "se_resnet18", "se_resnet50", "se_mobilenetv2", "eca_resnet18"),
    "sk": classify.recipe("sk", "sknet50", "sknet101"),
    "cbam": classify.recipe("cbam", "cbam_resnet18", "cbam_resnet50", "cbam_mobilenetv2"),
    "coordinate": classify.recipe("coordinate", "coordinate_mobilenetv2", "coordinate_resnet18"),
    "triplet": classify.recipe(
        "triplet", "triplet_resnet18", "triplet_resnet50", "triplet_mobilenetv2"
    ),
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
