"""Judging whole texts by all that was heard, in letters and in phonemes.

score = letter_weight * ln P_ctc(letters) + phoneme_weight * ln P_ctc(phonemes) + words

where `words` is what language model and boosts say of them, as in `word_scores`. Of a word whose
pronunciation is not known it is asked only that something is said there, of about as many phonemes
as its letters suggest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine.alignment import Emission, Spelling
from service.engine.decoding import Word
from service.engine.lexicon import Lexicon
from service.engine.readings import Reading
from service.engine.text_fit import Heard, fit_text, place_text
from service.engine.vocabulary import Vocabulary
from service.engine.word_scores import Words, score_text

_PHONEMES_PER_LETTER = 0.8  # of English words
_UNKNOWN_PHONEME = -2.0  # nats that are added to the log-posterior of any phoneme there is
_NUM_ANY = 2  # classes of any phoneme: CTC wants a blank between equal ones


@dataclass(frozen=True, slots=True)
class SoundWeights:
    """What letters and phonemes weigh beside the words."""

    letters: float
    phonemes: float


class TextJudge:
    """Gives texts scores, and their words times and confidences.

    Args:
        vocabulary: the letters.
        words: what judges words.
        context: [CONTEXT_LENGTH] the language model's state before an utterance.
        lexicon: how words are said.
        weights: of the sounds.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        words: Words,
        context: NDArray[np.int32],
        lexicon: Lexicon,
        weights: SoundWeights,
    ) -> None:
        self._vocabulary = vocabulary
        self._index = {symbol: index for index, symbol in enumerate(vocabulary.symbols)}
        self._words = words
        self._context = context
        self._lexicon = lexicon
        self._weights = weights

    def readings(
        self, log_probs: NDArray[np.float32], texts: Iterable[str], first_frame: int
    ) -> list[Reading]:
        """The texts that can be heard at all in log_probs [T, V + P], judged.

        Args:
            log_probs: natural log, of the letters and then of the phonemes.
            texts: words with single spaces between.
            first_frame: the first one's number.
        """
        num_letters = len(self._vocabulary)
        letters = np.exp(log_probs[:, :num_letters] + self._words.symbol_bonuses)
        spelled = Heard(letters, self._vocabulary.blank_id, self._vocabulary.space_id)
        said = Heard(_with_any(np.exp(log_probs[:, num_letters:], dtype=np.float64)), 0, -1)
        judged = (self._reading(text, (spelled, said), first_frame) for text in texts)
        return [reading for reading in judged if reading.score > -np.inf]

    def _reading(self, text: str, heard: tuple[Heard, Heard], first_frame: int) -> Reading:
        spelled, said = heard
        letters = np.array([self._index[letter] for letter in text], np.int32)
        phonemes = np.array(self._phonemes(text.split(), said), np.int32)
        emissions = place_text(spelled, letters)
        sounds = self._weights.letters * fit_text(spelled, letters)
        sounds += self._weights.phonemes * fit_text(said, phonemes)
        score = sounds + score_text(self._words, letters, self._context)
        if len(emissions) < len(letters):
            score = -np.inf
        return Reading(self._timed(text, letters, emissions, first_frame), score, sounds)

    def _phonemes(self, words: Sequence[str], said: Heard) -> list[int]:
        any_phoneme = said.posteriors.shape[1] - _NUM_ANY
        phonemes: list[int] = []
        for word in words:
            known = self._lexicon.get(word)
            number = max(1, round(_PHONEMES_PER_LETTER * len(word)))
            phonemes += known or (any_phoneme + place % _NUM_ANY for place in range(number))
        return phonemes

    def _timed(
        self, text: str, letters: NDArray[np.int32], emissions: NDArray[np.void], first_frame: int
    ) -> tuple[Word, ...]:
        peaks = emissions["peak"] - self._words.symbol_bonuses[letters[: len(emissions)]]
        starts = (first_frame + emissions["start"]).tolist()
        ends = (first_frame + emissions["end"]).tolist()
        runs = zip(text, starts, ends, peaks.tolist(), strict=False)
        return Spelling().add(Emission(*run) for run in runs).finish()


def _with_any(posteriors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[T, P + _NUM_ANY] with the classes of any phoneme after the others."""
    something = (1.0 - posteriors[:, :1]).clip(min=0.0) * np.exp(_UNKNOWN_PHONEME)
    return np.hstack([posteriors, np.repeat(something, _NUM_ANY, axis=1)])
