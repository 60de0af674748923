"""A few words, how they are said, and log-probabilities of letters and phonemes."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from service.engine.language_model import LanguageModel
from service.engine.lexicon import Pronunciations
from tests.engine.ctc_samples import normalised
from tests.engine.ngram_samples import ngram_trie

LETTERS = ("<blank>", " ", "a", "b", "c")
PHONEMES = ("<blank>", "A", "B", "C")
LEXICON = {"a": b"\1", "b": b"\2", "aa": b"\1", "ab": b"\1\2", "bb": b"\2\2", "c": b"\3"}
"""Two of the words sound alike, and one has a phoneme twice."""
RULES = {"a": b"\1", "b": b"\2", "c": b"\3"}
PROBABILITIES = {
    ("<unk>",): 0.05,
    ("a",): 0.2,
    ("b",): 0.2,
    ("aa",): 0.1,
    ("ab",): 0.15,
    ("bb",): 0.1,
    ("c",): 0.2,
    ("a", "b"): 0.7,
    ("ab", "aa"): 0.6,
    ("<s>", "c"): 0.5,
}


def speaking_model() -> LanguageModel:
    """Knows the lexicon's words and how they are said."""
    trie = ngram_trie(PROBABILITIES, {("a",): 0.4, ("ab",): 0.5, ("<s>",): 0.6})
    return LanguageModel(trie, LETTERS, LEXICON, len(PHONEMES), RULES)


def pronunciations_of(model: LanguageModel) -> Pronunciations:
    assert model.pronunciations is not None
    return model.pronunciations


def said(path: str, posterior: float = 0.9) -> NDArray[np.float32]:
    """Log-probabilities [T, P] whose best path is `path`, one phoneme a frame, "-" the blank."""
    return _peaked(["-", *PHONEMES[1:]], path, posterior)


def heard(letters: str, phonemes: str, posterior: float = 0.9) -> NDArray[np.float32]:
    """Log-probabilities [T, V + P] with these best paths."""
    spelled = _peaked(["-", *LETTERS[1:]], letters, posterior)
    return np.hstack([spelled, said(phonemes, posterior)])


def _peaked(symbols: Sequence[str], path: str, posterior: float) -> NDArray[np.float32]:
    others = (1 - posterior) / (len(symbols) - 1)
    frames = np.full((len(path), len(symbols)), others, np.float64)
    frames[np.arange(len(path)), [symbols.index(symbol) for symbol in path]] = posterior
    return normalised(np.log(frames))
