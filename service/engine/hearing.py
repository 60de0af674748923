"""What has been heard of an utterance, to judge whole texts by: of silence before it, little."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine.frames import Frames

_FRAMES_BEFORE_SPEECH = 25


@dataclass(frozen=True, slots=True, eq=False)
class Hearing:
    """The frames of an utterance from shortly before its speech. Immutable."""

    pieces: tuple[NDArray[np.float32], ...] = ()  # [T, C] each, log-probabilities
    first_frame: int = 0  # of the pieces, counted from the start of the utterance
    has_begun: bool = False  # whether they have speech

    def add(self, frames: Frames) -> "Hearing":
        """The same with more frames. Any cutting of them keeps the same.

        They are copied: what they are a part of, the rest of a batch too, is not kept alive.
        """
        if self.has_begun or not len(frames):
            pieces = *self.pieces, frames.log_probs.copy()
            return Hearing(pieces, self.first_frame, self.has_begun)
        has_begun = not all(frames.silent)
        heard = np.concatenate([*self.pieces, frames.log_probs])
        num_loud = len(frames) - frames.silent.index(False) if has_begun else 0  # from speech on
        num_dropped = max(0, len(heard) - num_loud - _FRAMES_BEFORE_SPEECH)
        kept = heard[num_dropped:].copy()
        return Hearing((kept,), self.first_frame + num_dropped, has_begun)

    @property
    def log_probs(self) -> NDArray[np.float32]:
        """[T, C] all that is kept, T > 0 once a frame was added."""
        return np.concatenate(self.pieces)
