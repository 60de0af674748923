"""Counting n-grams by sorting: every n-gram knows its context and its suffix by their indices."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.engine.ngram_file import BEGIN_ID
from training.language_model_text import Tokens


@dataclass(frozen=True, slots=True, eq=False)
class NgramCounts:
    """The N n-grams of one order, sorted by context and then by word.

    Those of one word are all words of the vocabulary, whether they occur or not.
    """

    context: NDArray[np.int32]  # [N] the n-gram without its last word, one order below
    word: NDArray[np.int32]  # [N] the last word
    suffix: NDArray[np.int32]  # [N] the n-gram without its first word, one order below
    counts: NDArray[np.int32]  # [S, N] how often each source has it


def count_ngrams(tokens: Tokens, order: int) -> list[NgramCounts]:
    """The n-grams of all orders up to `order`, none of which goes beyond its sentence."""
    position = _positions(tokens.ids)  # [N] in the sentence
    ids = tokens.ids  # [N] the n-gram that ends at each position, -1 where there is none
    orders = [_words(tokens)]
    for length in range(2, order + 1):
        ends = np.flatnonzero(position >= length - 1)
        keys = ids[ends - 1].astype(np.int64) * len(tokens.vocabulary) + tokens.ids[ends]
        unique, example, inverse = np.unique(keys, return_index=True, return_inverse=True)
        context, word = np.divmod(unique, len(tokens.vocabulary))
        counts = _by_source(inverse, np.searchsorted(ends, tokens.bounds), len(unique))
        orders.append(
            NgramCounts(context.astype(np.int32), word.astype(np.int32), ids[ends[example]], counts)
        )
        ids = np.full(len(ids), -1, np.int32)
        ids[ends] = inverse
    return orders


def begins_sentence(orders: list[NgramCounts]) -> list[NDArray[np.bool_]]:
    """Of every order, [N]: the n-gram starts with the beginning of a sentence."""
    marks = [orders[0].word == BEGIN_ID]
    for counts in orders[1:]:
        marks.append(marks[-1][counts.context])
    return marks


def _positions(ids: NDArray[np.int32]) -> NDArray[np.int64]:
    """[N] how many words there are before each in its sentence, the beginning included."""
    starts = np.flatnonzero(ids == BEGIN_ID)
    lengths = np.diff(starts, append=len(ids))
    return np.arange(len(ids)) - np.repeat(starts, lengths)


def _words(tokens: Tokens) -> NgramCounts:
    num_words = len(tokens.vocabulary)
    nothing = np.zeros(num_words, np.int32)
    counts = _by_source(tokens.ids, np.asarray(tokens.bounds), num_words)
    return NgramCounts(nothing, np.arange(num_words, dtype=np.int32), nothing, counts)


def _by_source(
    ids: NDArray[np.integer], bounds: NDArray[np.intp], num_ngrams: int
) -> NDArray[np.int32]:
    """[S, N] occurrences of each n-gram in each source."""
    pieces = [ids[first:last] for first, last in pairwise(bounds)]
    counts = [np.bincount(piece, minlength=num_ngrams) for piece in pieces]
    return np.array(counts, np.int32)
