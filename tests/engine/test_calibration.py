"""Calibrated confidences: the broken line that numpy draws, at a fraction of its cost."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from service.engine.calibration import UNCALIBRATED, Calibration

SHARE = st.floats(0, 1, allow_subnormal=False)
KNOTS = st.lists(st.integers(0, 1000), min_size=1, max_size=12, unique=True).map(sorted)


@given(KNOTS, st.lists(SHARE, min_size=12, max_size=12), SHARE)
def test_it_is_numpys_interpolation(knots: list[int], shares: list[float], between: float) -> None:
    confidences = tuple(knot / 1000 for knot in knots)
    rising = tuple(sorted(shares)[: len(knots)])
    calibration = Calibration(confidences, rising)
    for confidence in (0.0, between, 1.0, *confidences):
        assert calibration(confidence) == np.interp(confidence, confidences, rising)


def test_without_knots_it_changes_nothing() -> None:
    assert UNCALIBRATED(0.4) == 0.4
