"""Sums of probabilities as logarithms."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.log_sums import add_logs

LOGS = st.floats(-800.0, 10.0) | st.just(-math.inf)


@settings(deadline=None)  # compiling takes longer
@given(LOGS, LOGS)
def test_a_sum_is_that_of_numpy(first: float, second: float) -> None:
    assert add_logs(first, second) == pytest.approx(np.logaddexp(first, second), abs=1e-15)


def test_nothing_and_nothing_is_nothing() -> None:
    assert add_logs(-math.inf, -math.inf) == -math.inf
