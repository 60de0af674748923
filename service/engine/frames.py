"""Consecutive frames of a stream: what a model says of them, and what is read off that."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.engine.vocabulary import Vocabulary

SILENCE_PROBABILITY: Final = 0.5
"""A frame is silent if blank and space together are more probable than this."""


@dataclass(frozen=True, slots=True, eq=False)
class Frames:
    """T frames. Lists, because they are of a few numbers, which arrays would take longer for."""

    log_probs: NDArray[np.float32]  # [T, V + P], natural log: of letters, then of phonemes
    letters: Sequence[int]  # the most probable one of each frame
    letter_log_probs: Sequence[float]
    silent: Sequence[bool]

    def __len__(self) -> int:
        return len(self.letters)

    def __getitem__(self, part: slice) -> "Frames":
        return Frames(
            self.log_probs[part],
            self.letters[part],
            self.letter_log_probs[part],
            self.silent[part],
        )


class FrameReader:
    """Reads frames off log-probabilities, those of a whole batch at once. Immutable.

    Args:
        symbols: the letters, which are the first columns, with a space among them.
        blank_id: index of the CTC blank.

    Raises:
        ValueError: as `Vocabulary`.
    """

    def __init__(self, symbols: Sequence[str], blank_id: int) -> None:
        vocabulary = Vocabulary(symbols, blank_id)
        self._num_letters = len(vocabulary)
        self._blank_id = vocabulary.blank_id
        self._space_id = vocabulary.space_id

    def read(self, log_probs: NDArray[np.float32]) -> list[Frames]:
        """The frames of each stream of a batch, log_probs [B, T, V + P]."""
        letters = log_probs[:, :, : self._num_letters]
        blank, space = log_probs[:, :, self._blank_id], log_probs[:, :, self._space_id]
        rows = zip(
            log_probs,
            letters.argmax(axis=2).tolist(),
            letters.max(axis=2).tolist(),
            (np.exp(blank) + np.exp(space) > SILENCE_PROBABILITY).tolist(),
            strict=True,
        )
        return [Frames(*row) for row in rows]
