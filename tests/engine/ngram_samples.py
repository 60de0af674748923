"""Language models written by hand."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from service.engine.language_model import LanguageModel
from service.engine.ngram_file import SPECIAL_WORDS, NgramTrie, encode_ngram_file
from training.kneser_ney import Estimates
from training.ngram_quantisation import to_trie

Words = tuple[str, ...]


def ngram_trie(
    probabilities: Mapping[Words, float], backoffs: Mapping[Words, float] | None = None
) -> NgramTrie:
    """The trie of n-grams' probabilities, of all words at least, and weights other than 1."""
    weights = backoffs or {}
    words = [ngram[0] for ngram in probabilities if len(ngram) == 1]
    vocabulary = [*SPECIAL_WORDS, *(word for word in words if word not in SPECIAL_WORDS)]
    orders = []
    lower: list[Words] = [()]
    for order in range(1, max(map(len, probabilities)) + 1):
        ngrams = [ngram for ngram in probabilities if len(ngram) == order]
        if order == 1:
            ngrams = [(word,) for word in vocabulary]
        index = {ngram: number for number, ngram in enumerate(lower)}
        ngrams.sort(key=lambda ngram: (index[ngram[:-1]], vocabulary.index(ngram[-1])))
        orders.append(
            Estimates(
                context=np.array([index[ngram[:-1]] for ngram in ngrams], np.int32),
                word=np.array([vocabulary.index(ngram[-1]) for ngram in ngrams], np.int32),
                suffix=np.zeros(len(ngrams), np.int32),
                probability=np.array([probabilities.get(ngram, 0.0) for ngram in ngrams]),
                backoff=np.array([weights.get(ngram, 1.0) for ngram in ngrams]),
                share=np.zeros(len(ngrams)),
            )
        )
        lower = ngrams
    return to_trie(vocabulary, orders)


def write_ngram_file(trie: NgramTrie, path: Path) -> None:
    """Write a model. Raises OSError."""
    path.write_bytes(encode_ngram_file(trie))


def score_text(model: LanguageModel, text: str) -> float:
    """ln P of the words of a text, its end not counted."""
    state, total = model.start(), 0.0
    for word in text.split():
        log_prob, state = model.score(state, word)
        total += log_prob
    return total


def favourite_word(favourite: str, symbols: Sequence[str]) -> LanguageModel:
    """Knows one word, which is likelier after itself; all others have one probability each."""
    probabilities = {("<unk>",): 0.1, (favourite,): 0.6, (favourite, favourite): 0.9}
    return LanguageModel(ngram_trie(probabilities), symbols)


def reference_score(
    probabilities: Mapping[Words, float], backoffs: Mapping[Words, float], words: Words
) -> float:
    """ln P of the last word after the others: backing off as its definition says (Katz 1987)."""
    if words in probabilities:
        return math.log(probabilities[words])
    return math.log(backoffs.get(words[:-1], 1.0)) + reference_score(
        probabilities, backoffs, words[1:]
    )
