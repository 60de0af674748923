"""From a decoder's own confidence in a word to how often such a word is right."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np


@dataclass(frozen=True, slots=True)
class Calibration:
    """A rising broken line through knots (confidence, share of words that are right).

    Before the first and after the last knot it is flat. Without knots it changes nothing.

    Raises:
        ValueError: a knot is outside [0, 1], or they do not rise.
    """

    confidences: tuple[float, ...] = ()
    shares: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        inside = all(0 <= value <= 1 for value in (*self.confidences, *self.shares))
        if not inside or len(self.confidences) != len(self.shares):
            raise ValueError("calibration must have pairs of numbers from 0 to 1")
        steps, rises = np.diff(self.confidences), np.diff(self.shares)
        if (steps <= 0).any() or (rises < 0).any():
            raise ValueError("calibration must rise from knot to knot")

    def __call__(self, confidence: float) -> float:
        """The calibrated confidence."""
        if not self.confidences:
            return confidence
        # As `numpy.interp`, which costs ten times as much for a single number.
        right = bisect_right(self.confidences, confidence)
        if right in {0, len(self.confidences)}:
            return self.shares[max(0, right - 1)]
        x0, x1 = self.confidences[right - 1 : right + 1]
        y0, y1 = self.shares[right - 1 : right + 1]
        return (y1 - y0) / (x1 - x0) * (confidence - x0) + y0


UNCALIBRATED = Calibration()


def parse_calibration(knots: Sequence[Any]) -> Calibration:
    """The calibration that `bundle.json` has as [[confidence, share], ...].

    Raises:
        ValueError, TypeError: it is not such a list.
    """
    pairs = [(float(confidence), float(share)) for confidence, share in knots]
    return Calibration(tuple(c for c, _ in pairs), tuple(s for _, s in pairs))
