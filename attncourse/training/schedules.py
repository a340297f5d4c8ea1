"""Learning rates over time: functions of the step, so a resumed run needs no memory of them."""

from collections.abc import Callable


def warm_up_then_decay(steps: int, *, warm_up: float = 0.1) -> Callable[[int], float]:
    """Rise linearly, then fall linearly to zero.

    The rise lets Adam learn how large gradients are before it takes large steps; with it, small
    recurrent networks bear a learning rate ten times as high.

    Args:
        steps: Length of the training.
        warm_up: The share of the steps that rises, from 0 to 1.

    Returns:
        The factor of the learning rate at a step, between 0 and 1, never 0 before the end.

    Raises:
        ValueError: If `steps` is not positive, or `warm_up` is not from 0 to 1.
    """
    if steps < 1 or not 0 <= warm_up <= 1:
        raise ValueError(
            f"steps must be positive and warm_up from 0 to 1, got steps={steps}, warm_up={warm_up}"
        )
    rising = max(1, round(warm_up * steps))
    return lambda step: min((step + 1) / rising, 1.0) * (steps - step) / steps


def warm_up_then_inverse_root(warm_up: int = 4000) -> Callable[[int], float]:
    """Rise linearly, then fall with the square root of the step, without an end in sight.

    Vaswani et al. 2017, section 5.3. There the greatest learning rate is 1/√(D · warm_up): give
    that to `fit` as `lr`.

    Args:
        warm_up: The number of steps that rise.

    Returns:
        The factor of the learning rate at a step, above 0 and at most 1.

    Raises:
        ValueError: If `warm_up` is not positive.
    """
    if warm_up < 1:
        raise ValueError(f"warm_up must be a positive number of steps, got {warm_up}")
    return lambda step: min((step + 1) / warm_up, (warm_up / (step + 1)) ** 0.5)
