"""The options that recipes share."""

from pathlib import Path
from typing import Annotated, Any

from typer import Option


def at_least(least: float, help: str) -> Any:
    """Make an option with a lower bound."""
    return Option(help=help, min=least)


Data = Annotated[Path, Option(help="Holds the images.", exists=True, file_okay=False)]
Folder = Annotated[Path, Option(help="Where the run is kept.")]
Resume = Annotated[bool, Option("--resume", help="Go on with the run in the folder.")]
Steps = Annotated[int, at_least(1, "Length of the training.")]
Rate = Annotated[float, at_least(0, "The greatest learning rate.")]
Decay = Annotated[float, at_least(0, "How much the weights shrink, times the rate.")]
Smoothing = Annotated[float, Option(help="Of the labels.", min=0, max=1)]
Every = Annotated[int, at_least(1, "Steps between two checkpoints.")]
Seed = Annotated[int, at_least(0, "Fixes weights, order and all that is drawn.")]
Amp = Annotated[bool, Option("--amp", help="Mixed precision.")]
Compile = Annotated[bool, Option("--compile", help="Compile the network.")]
Workers = Annotated[int, at_least(0, "Processes that prepare batches.")]
