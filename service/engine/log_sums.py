"""Sums of probabilities that are given as logarithms. Compiled."""

import numpy as np

from service.engine.compiled import borrowing

_LOST = -40.0  # nats; what is this much less probable is lost in the rounding of a sum


@borrowing
def add_logs(first: float, second: float) -> float:
    """ln (e^first + e^second); `np.logaddexp`, but quick where one of the two hardly counts."""
    highest, lowest = max(first, second), min(first, second)
    if lowest == -np.inf or lowest - highest < _LOST:
        return highest
    return float(highest + np.log1p(np.exp(lowest - highest)))
