"""What a training leaves behind besides the model."""

from dataclasses import dataclass, field


@dataclass
class History:
    """How a training went.

    Attributes:
        losses: The loss of every step's batch.
        metrics: What was measured in between, each with the number of "step"s done.
        seconds: Time spent, over all interruptions.
    """

    losses: list[float] = field(default_factory=list)
    metrics: list[dict[str, float]] = field(default_factory=list)
    seconds: float = 0.0
