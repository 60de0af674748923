"""From the rate that audio was recorded at to the rate that the model hears, in pieces."""

import numpy as np
import soxr
from numpy.typing import NDArray

from service.engine.errors import InvalidAudio


class Resampler:
    """A band-limited resampler that keeps its place between pieces; one waveform's, not shared.

    Any cutting of the waveform gives the same output, `round(n * to_rate / from_rate)` samples in
    all. What is louder than full scale is clipped to [-1, 1], as any conversion to integers would;
    so is the ringing that band limiting adds beside loud edges.
    """

    def __init__(self, from_rate: int, to_rate: int) -> None:
        self._soxr = (
            None if from_rate == to_rate else soxr.ResampleStream(from_rate, to_rate, 1, "float32")
        )

    def feed(self, waveform: NDArray[np.float32]) -> NDArray[np.float32]:
        """Take in finite samples [n] and return those that are ready [m], m >= 0."""
        return self._resample(waveform, last=False)

    def finish(self) -> NDArray[np.float32]:
        """The samples that were held back for the filter's right half [m]. Ends the waveform."""
        return self._resample(np.zeros(0, np.float32), last=True)

    def _resample(self, waveform: NDArray[np.float32], last: bool) -> NDArray[np.float32]:
        waveform = np.clip(waveform, -1.0, 1.0)
        if self._soxr is None:
            return waveform
        resampled: NDArray[np.float32] = self._soxr.resample_chunk(waveform, last)
        return np.clip(resampled, -1.0, 1.0)


def require_finite(waveforms: NDArray[np.float32], start_s: float, sample_rate: int) -> None:
    """Refuse waveforms [n] or [C, n] that hold NaN or infinite samples.

    Args:
        waveforms: samples at `sample_rate` Hz, the first of them at `start_s` seconds.

    Raises:
        InvalidAudio: there is one; the message says at what time.
    """
    finite = np.isfinite(waveforms)
    if not finite.all():
        num_finite = int(np.argmin(finite.reshape(-1, finite.shape[-1]).all(axis=0)))
        position_s = start_s + num_finite / sample_rate
        raise InvalidAudio(
            f"The audio has a sample at {position_s:.3f} s that is not a finite number. "
            "Export it again without NaN and infinite values."
        )
