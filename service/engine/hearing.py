"""What has been heard of an utterance, to judge whole texts by: of silence before it, little."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine.endpointing import SILENCE_PROBABILITY

_FRAMES_BEFORE_SPEECH = 25


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """The frames of an utterance from shortly before its speech. Immutable."""

    pieces: tuple[NDArray[np.float32], ...] = ()  # [T, C] each, log-probabilities
    first_frame: int = 0  # of the pieces, counted from the start of the utterance
    has_begun: bool = False  # whether they have speech

    def add(self, log_probs: NDArray[np.float32], silent_ids: tuple[int, ...]) -> "Hearing":
        """The same with more frames [T, C]. Any cutting of T keeps the same frames.

        Args:
            silent_ids: the columns of silence.
        """
        if self.has_begun or not len(log_probs):
            return Hearing((*self.pieces, log_probs), self.first_frame, self.has_begun)
        silence = np.exp(log_probs[:, list(silent_ids)]).sum(axis=1)  # [T]
        loud = np.flatnonzero(silence <= SILENCE_PROBABILITY)
        frames = np.concatenate([*self.pieces, log_probs])
        num_silent = len(frames) - len(log_probs) + (loud[0] if len(loud) else len(log_probs))
        num_dropped = int(max(0, num_silent - _FRAMES_BEFORE_SPEECH))
        # A copy, for what is dropped not to be kept alive.
        kept = frames[num_dropped:].copy()
        return Hearing((kept,), self.first_frame + num_dropped, len(loud) > 0)

    @property
    def log_probs(self) -> NDArray[np.float32]:
        """[T, C] all that is kept, T > 0 once a frame was added."""
        return np.concatenate(self.pieces)
