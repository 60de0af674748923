"""From the estimates of a language model to the trie of 8-bit codes that the engine reads."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from service.engine.ngram_file import NgramTrie
from training.kneser_ney import Estimates

NUM_CODES = 256
_LEAST_LOG_PROB = -99.0  # what ARPA files write for the logarithm of nothing


def to_trie(vocabulary: Sequence[str], orders: Sequence[Estimates]) -> NgramTrie:
    """The trie of a model whose n-grams are sorted by context and word."""
    inner = orders[:-1]
    child_counts = [
        np.bincount(longer.context, minlength=len(order.word)) for order, longer in pairwise(orders)
    ]
    first = np.cumsum([len(vocabulary), *np.concatenate([np.zeros(0, int), *child_counts])])
    log_probs = [quantise(_log(order.probability)) for order in orders]
    backoffs = [quantise(_log(order.backoff)) for order in inner]
    books = np.zeros((len(orders), 2, NUM_CODES), np.float32)
    for index, (_, book) in enumerate(log_probs):
        books[index, 0, : len(book)] = book
    for index, (_, book) in enumerate(backoffs):
        books[index, 1, : len(book)] = book
    return NgramTrie(
        vocabulary=tuple(vocabulary),
        num_ngrams=tuple(len(order.word) for order in orders),
        first_child=first.astype(np.int32),
        word_ids=np.concatenate([order.word for order in orders]).astype(np.uint16),
        log_prob_codes=np.concatenate([codes for codes, _ in log_probs]),
        backoff_codes=np.concatenate([np.zeros(0, np.uint8), *(codes for codes, _ in backoffs)]),
        codebooks=books,
    )


def quantise(values: NDArray[np.float64]) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """Codes of values [N] and the code book, of at most NUM_CODES values.

    Few different values are kept exactly. Of many, zero is, which most backoff weights are, and the
    others go to bins of as many values each, whose means the book has.
    """
    distinct = np.unique(values)
    if len(distinct) <= NUM_CODES:
        return np.searchsorted(distinct, values).astype(np.uint8), distinct
    others = np.sort(values[values != 0])
    bins = np.array_split(others, NUM_CODES - 1)
    means = np.array([part.mean() for part in bins])
    edges = np.array([part[-1] for part in bins[:-1]])
    codes = 1 + np.searchsorted(edges, values)
    codes[values == 0] = 0
    return codes.astype(np.uint8), np.concatenate([[0.0], means])


def _log(values: NDArray[np.float64]) -> NDArray[np.float64]:
    logs: NDArray[np.float64] = np.log(np.maximum(values, np.exp(_LEAST_LOG_PROB)))
    return logs
