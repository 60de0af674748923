"""Scores of many texts in one call, since each call waits for the interpreter again. Compiled."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import borrowing, compiled
from service.engine.text_fit import Heard, fit_text
from service.engine.word_scores import Words, score_text


class Texts(NamedTuple):
    """N texts, one after another, and where each ends."""

    letters: NDArray[np.int32]
    letter_ends: NDArray[np.int64]  # [N]
    phonemes: NDArray[np.int32]
    phoneme_ends: NDArray[np.int64]  # [N]


class Sounds(NamedTuple):
    """What was heard, and what it weighs beside the words."""

    letters: Heard
    phonemes: Heard
    letter_weight: float
    phoneme_weight: float


@compiled
def score_texts(
    words: Words, context: NDArray[np.int32], sounds: Sounds, texts: Texts
) -> NDArray[np.float64]:
    """[2, N] what the sounds say of each text, and its whole score.

    Args:
        context: [CONTEXT_LENGTH] the language model's state before each.
    """
    num_texts = len(texts.letter_ends)
    scores = np.empty((2, num_texts))
    letter, phoneme = 0, 0
    for index in range(num_texts):
        letters = texts.letters[letter : texts.letter_ends[index]]
        phonemes = texts.phonemes[phoneme : texts.phoneme_ends[index]]
        letter, phoneme = texts.letter_ends[index], texts.phoneme_ends[index]
        heard = _weighed(sounds.letter_weight, fit_text(sounds.letters, letters))
        heard += _weighed(sounds.phoneme_weight, fit_text(sounds.phonemes, phonemes))
        scores[0, index] = heard
        scores[1, index] = heard + score_text(words, letters, context)
    return scores


@borrowing
def _weighed(weight: float, log_prob: float) -> float:
    """What cannot be heard cannot, though it weighs nothing: 0 * -inf is no number."""
    return weight * log_prob if log_prob > -np.inf else -np.inf
