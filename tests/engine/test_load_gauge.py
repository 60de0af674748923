"""The measure of lateness: it follows, it forgets, and it says when."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.load_gauge import LoadGauge

DELAYS = st.floats(0.0, 10.0)
GAPS = st.floats(0.0, 100.0)


def test_it_follows_what_lasts_and_not_what_is_over_at_once() -> None:
    gauge = LoadGauge()
    gauge.observe(1.0, now_s=100.0)
    for step in range(1, 500):
        gauge.observe(0.0, now_s=100.0 + step / 100)
    assert gauge.delay_s(105.0) < 0.02
    for step in range(500):
        gauge.observe(0.3, now_s=105.0 + step / 100)
    assert gauge.delay_s(110.0) == pytest.approx(0.3, rel=0.02)


@given(st.lists(st.tuples(DELAYS, GAPS)), GAPS)
def test_it_stays_within_what_was_observed_and_falls_without_news(
    observations: list[tuple[float, float]], wait_s: float
) -> None:
    gauge, now_s = LoadGauge(), 0.0
    for delay_s, gap_s in observations:
        now_s += gap_s
        gauge.observe(delay_s, now_s)
    largest = max((delay_s for delay_s, _ in observations), default=0.0)
    assert 0.0 <= gauge.delay_s(now_s + wait_s) <= gauge.delay_s(now_s) <= largest + 1e-9


@given(DELAYS, st.floats(0.001, 5.0))
def test_it_says_when_it_will_have_fallen(delay_s: float, limit_s: float) -> None:
    gauge = LoadGauge()
    gauge.observe(delay_s, now_s=50.0)
    wait_s = gauge.seconds_until(limit_s, now_s=50.0)
    assert wait_s >= 0.0
    assert gauge.delay_s(50.0 + wait_s) <= limit_s * (1 + 1e-9)
    if wait_s > 0:
        assert gauge.delay_s(50.0) > limit_s
