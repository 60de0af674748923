"""Interpolated modified Kneser-Ney estimation, with sources of different weight.

Chen & Goodman 1998, "An empirical study of smoothing techniques for language modeling", section
4.1. With one source s of weight 1, a the counts (below the highest order, the number of different
words before an n-gram) and D the discount of a count (D1, D2, D3+), it is

    p(w | h) = (a(hw) - D(a(hw))) / a(h*) + gamma(h) p(w | h'),    gamma(h) = D(h*) / a(h*)

With several, counts, discounts and their sums over words are summed over the sources, weighted:

    p(w | h) = sum_s m_s (a_s(hw) - D_s(a_s(hw))) / sum_s m_s a_s(h*) + gamma(h) p(w | h')

This is the sources' own models interpolated, each context trusting those more that have seen it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from service.engine.ngram_file import BEGIN_ID
from training.ngram_counts import NgramCounts, begins_sentence


@dataclass(frozen=True, slots=True, eq=False)
class Estimates:
    """The N n-grams of one order, as in `NgramCounts`, with what a backoff model says of them."""

    context: NDArray[np.int32]  # [N]
    word: NDArray[np.int32]  # [N]
    suffix: NDArray[np.int32]  # [N]
    probability: NDArray[np.float64]  # [N] of the word after the context
    backoff: NDArray[np.float64]  # [N] weight of the shorter context, after this n-gram
    share: NDArray[np.float64]  # [N] how often it occurs, a word of text


def estimate(orders: list[NgramCounts], weights: Sequence[float]) -> list[Estimates]:
    """The model of all orders."""
    multipliers = np.asarray(weights, np.float64)
    num_words = len(orders[0].word)
    lower = np.full(1, 1 / (num_words - 1))  # the beginning of a sentence is never said
    estimates: list[Estimates] = []
    for counts, adjusted in zip(orders, _adjusted_counts(orders), strict=True):
        kept, discounted = _discount(adjusted, multipliers)
        totals = np.bincount(counts.context, kept + discounted, len(lower))
        mass = np.bincount(counts.context, discounted, len(lower))
        gamma = np.divide(mass, totals, out=np.ones(len(lower)), where=totals > 0)
        probability = kept / np.where(totals > 0, totals, 1.0)[counts.context]
        probability += gamma[counts.context] * lower[counts.suffix]
        if estimates:
            estimates[-1] = replace(estimates[-1], backoff=gamma)
        else:
            probability[BEGIN_ID] = 0.0
        estimates.append(_estimates(counts, probability, multipliers))
        lower = probability
    return estimates


def _estimates(
    counts: NgramCounts, probability: NDArray[np.float64], multipliers: NDArray[np.float64]
) -> Estimates:
    occurrences = multipliers @ counts.counts
    share = occurrences / max(occurrences.sum(), 1.0)
    backoff = np.ones(len(probability))
    return Estimates(counts.context, counts.word, counts.suffix, probability, backoff, share)


def _adjusted_counts(orders: list[NgramCounts]) -> list[NDArray[np.int64]]:
    """Of every order, [S, N]: counts; below the highest, numbers of different words before.

    Nothing is before a beginning of a sentence, so n-grams with it keep their counts; as a word of
    its own it is never said.
    """
    adjusted = []
    for counts, longer, begins in zip(orders, orders[1:], begins_sentence(orders), strict=False):
        num_ngrams = len(counts.word)
        before = [np.bincount(longer.suffix[c > 0], minlength=num_ngrams) for c in longer.counts]
        adjusted.append(np.where(begins, counts.counts, np.array(before)))
    adjusted.append(orders[-1].counts.astype(np.int64))
    adjusted[0][:, BEGIN_ID] = 0
    return adjusted


def _discount(
    counts: NDArray[np.int64], multipliers: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """[N] what the n-grams keep of their counts [S, N], and what is taken off them, weighted."""
    kept, taken = np.zeros(counts.shape[1]), np.zeros(counts.shape[1])
    for row, multiplier in zip(counts, multipliers, strict=True):
        discount = discounts(row)[np.minimum(row, 3)]
        kept += multiplier * (row - discount)
        taken += multiplier * discount
    return kept, taken


def discounts(counts: NDArray[np.int64]) -> NDArray[np.float64]:
    """[4] what is taken off counts of 0, 1, 2 and more: Chen & Goodman's equation 26.

    Where there are too few n-grams to tell, half of one is.
    """
    ones, twos, threes, fours = (max(int((counts == c).sum()), 0) for c in (1, 2, 3, 4))
    if min(ones, twos, threes) == 0:
        return np.array([0.0, 0.5, 0.5, 0.5])
    unit = ones / (ones + 2 * twos)
    estimates = (1 - 2 * unit * twos / ones, 2 - 3 * unit * threes / twos)
    last = 3 - 4 * unit * fours / threes
    return np.clip([0.0, *estimates, last], 0.0, [0.0, 1.0, 2.0, 3.0])
