"""The lessons' networks at full size, on your own data: a recipe a lesson, `attncourse train SLUG`.

A recipe is a function whose keyword arguments are the command's options. It lives in the module
that has its lesson's slug, and imports heavy libraries when it runs, so that the command's help
appears at once.
"""

from collections.abc import Callable

from attncourse.recipes import bahdanau

RECIPES: dict[str, Callable[..., None]] = {"bahdanau": bahdanau.train}
