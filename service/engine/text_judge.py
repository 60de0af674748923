"""Judging whole texts by all that was heard, in letters and in phonemes.

score = letter_weight * ln P_ctc(letters) + phoneme_weight * ln P_ctc(phonemes) + words

where `words` is what language model and boosts say of them, as in `word_scores`. Of a word whose
pronunciation is not known it is asked only that something is said there, of about as many phonemes
as its letters suggest.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.decoding import Word
from service.engine.lexicon import Lexicon
from service.engine.readings import Reading
from service.engine.text_fit import Heard, place_text
from service.engine.text_scores import Sounds, Texts, score_texts
from service.engine.vocabulary import Vocabulary
from service.engine.word_scores import Words

_PHONEMES_PER_LETTER = 0.8  # of English words
_UNKNOWN_PHONEME = -2.0  # nats that are added to the log-posterior of any phoneme there is
_NUM_ANY = 2  # classes of any phoneme: CTC wants a blank between equal ones
_NEGLIGIBLE = 7.0  # nats; texts this much worse than the best say nothing about its words


class _Judged(NamedTuple):
    text: str
    letters: NDArray[np.int32]  # [L] of the text
    sounds: float  # what letters and phonemes say of it
    score: float


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
        self, log_probs: NDArray[np.float32], texts: Iterable[str], first_frame: int, count: int
    ) -> list[Reading]:
        """The best of the texts that can be heard at all in log_probs [T, V + P].

        Args:
            log_probs: natural log, of the letters and then of the phonemes.
            texts: words with single spaces between.
            first_frame: the first one's number.
            count: how many to give at least, if there are as many. Others are given as long as they
                are not much worse than the best.
        """
        num_letters = len(self._vocabulary)
        letters = np.exp(log_probs[:, :num_letters] + self._words.symbol_bonuses)
        spelled = Heard(letters, self._vocabulary.blank_id, self._vocabulary.space_id)
        said = Heard(_with_any(np.exp(log_probs[:, num_letters:], dtype=np.float64)), 0, -1)
        judged = self._judged(list(texts), spelled, said)
        judged.sort(key=lambda each: -each.score)
        least = judged[0].score - _NEGLIGIBLE if judged else 0.0
        worthy = [each for rank, each in enumerate(judged) if rank < count or each.score >= least]
        readings = (self._reading(each, spelled, first_frame) for each in worthy)
        return [reading for reading in readings if reading]

    def _judged(self, texts: Sequence[str], spelled: Heard, said: Heard) -> list[_Judged]:
        letters = _in_a_row([[self._index[letter] for letter in text] for text in texts])
        phonemes = _in_a_row([self._phonemes(text.split(), said) for text in texts])
        sounds = Sounds(spelled, said, float(self._weights.letters), float(self._weights.phonemes))
        scores = score_texts(self._words, self._context, sounds, Texts(*letters, *phonemes))
        each = np.split(letters[0], letters[1][:-1])
        return list(map(_Judged, texts, each, *scores.tolist()))

    def _reading(self, judged: _Judged, spelled: Heard, first_frame: int) -> Reading | None:
        """The text with times, unless it cannot be heard at all."""
        emissions = place_text(spelled, judged.letters)
        if judged.score == -np.inf or len(emissions) < len(judged.letters):
            return None
        return Reading(self._timed(judged, emissions, first_frame), judged.score, judged.sounds)

    def _phonemes(self, words: Sequence[str], said: Heard) -> list[int]:
        any_phoneme = said.posteriors.shape[1] - _NUM_ANY
        phonemes: list[int] = []
        for word in words:
            known = self._lexicon.get(word)
            number = max(1, round(_PHONEMES_PER_LETTER * len(word)))
            phonemes += known or (any_phoneme + place % _NUM_ANY for place in range(number))
        return phonemes

    def _timed(
        self, judged: _Judged, emissions: NDArray[np.void], first_frame: int
    ) -> tuple[Word, ...]:
        """The words, each as sure as `alignment` has it: by the geometric mean of its letters."""
        words = judged.text.split()
        if not words:
            return ()
        lengths = np.array([len(word) for word in words])
        ends = np.cumsum(lengths + 1) - 1  # where the space after a word is, or would be
        starts = ends - lengths
        peaks = emissions["peak"] - self._words.symbol_bonuses[judged.letters]
        peaks[ends[:-1]] = 0.0  # a space is no letter
        means = np.add.reduceat(peaks, starts) / lengths
        confidences = np.exp(means.clip(max=0.0)).tolist()
        start_frames = (first_frame + emissions["start"][starts]).tolist()
        end_frames = (first_frame + emissions["end"][ends - 1]).tolist()
        return tuple(map(Word, words, start_frames, end_frames, confidences))


def _in_a_row(parts: Sequence[Sequence[int]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
    """All parts one after another, and where each ends."""
    row = [value for part in parts for value in part]
    return np.array(row, np.int32), np.array([*accumulate(map(len, parts))], np.int64)


def _with_any(posteriors: NDArray[np.float64]) -> NDArray[np.float64]:
    """[T, P + _NUM_ANY] with the classes of any phoneme after the others."""
    something = (1.0 - posteriors[:, :1]).clip(min=0.0) * np.exp(_UNKNOWN_PHONEME)
    return np.hstack([posteriors, np.repeat(something, _NUM_ANY, axis=1)])
