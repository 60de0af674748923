"""How late live steps are, as a moving average that forgets: the sign that no more streams fit."""

import math
from dataclasses import dataclass

_TIME_CONSTANT_S = 1.0  # after which an observation weighs 1/e


@dataclass
class LoadGauge:
    """An exponential moving average over time of the delays that live steps had.

    A delay is what a step took beyond its own run: waiting for a worker, and for the event loop to
    come round to it. Without new observations the average falls to zero by itself.
    """

    _delay_s: float = 0.0
    _at_s: float = 0.0  # when it was up to date, on the observers' clock

    def observe(self, delay_s: float, now_s: float) -> None:
        """Take in the delay of a batch."""
        kept = self._kept(now_s)
        self._delay_s = kept * self._delay_s + (1.0 - kept) * delay_s
        self._at_s = now_s

    def delay_s(self, now_s: float) -> float:
        """The average now."""
        return self._kept(now_s) * self._delay_s

    def seconds_until(self, delay_s: float, now_s: float) -> float:
        """When the average will have fallen to `delay_s` if all load ended now; 0 if it has."""
        delay_now_s = self.delay_s(now_s)
        return _TIME_CONSTANT_S * math.log(delay_now_s / delay_s) if delay_now_s > delay_s else 0.0

    def _kept(self, now_s: float) -> float:
        return math.exp(-max(0.0, now_s - self._at_s) / _TIME_CONSTANT_S)
