"""From symbols with times to words with times and confidences."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from service.engine.decoding import Word
from service.engine.vocabulary import SPACE


class Emission(NamedTuple):
    """One symbol of a CTC path: the run of frames that emit it."""

    symbol: str
    start_frame: int
    end_frame: int  # exclusive
    log_prob: float  # natural log of the run's highest posterior


@dataclass(frozen=True, slots=True)
class Spelling:
    """Words spelled out one emission at a time: the complete ones, and the letters of the next.

    A space completes a word. A space where no word is open does nothing, so leading, trailing
    and repeated spaces leave no trace. An apostrophe is a letter like any other.
    """

    words: tuple[Word, ...] = ()
    letters: tuple[Emission, ...] = ()

    def add(self, emissions: Iterable[Emission]) -> "Spelling":
        """The spelling after these emissions too."""
        words: list[Word] = []
        letters = list(self.letters)
        for emission in emissions:
            if emission.symbol != SPACE:
                letters.append(emission)
            elif letters:
                words.append(_word(letters))
                letters = []
        return Spelling(self.words + tuple(words), tuple(letters))

    def finish(self) -> tuple[Word, ...]:
        """All words, taking the open one for complete."""
        return (*self.words, _word(self.letters)) if self.letters else self.words

    @property
    def complete_text(self) -> str:
        """The text of the complete words."""
        return " ".join(word.text for word in self.words)

    @property
    def text(self) -> str:
        """The text of all words, the open one included."""
        return " ".join(word.text for word in self.finish())


def _word(letters: Iterable[Emission]) -> Word:
    """The word that these letters spell.

    Its confidence is the geometric mean of the letters' highest posteriors: one doubtful letter
    pulls it down, and a long word is not punished for its length. It is the acoustic model's own
    opinion; how often such a word is right is for a calibration to say.
    """
    symbols, starts, ends, log_probs = zip(*letters, strict=True)
    mean_log_prob = sum(log_probs) / len(log_probs)
    # Rounding in the model's log-softmax can leave a log-probability slightly above zero.
    return Word("".join(symbols), starts[0], ends[-1], math.exp(min(mean_log_prob, 0.0)))
