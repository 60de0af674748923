"""Pruning a backoff model: of many n-grams, those stay without which it would predict worst.

Stolcke 1998, "Entropy-based pruning of backoff language models". Leaving n-gram hw out, when all
others stay, makes the relative entropy to the full model grow by

    D = -P(h) { p(w|h) [ln p(w|h') + ln b'(h) - ln p(w|h)] + [ln b'(h) - ln b(h)] (1 - S(h)) }

with b and b' the backoff weight of h before and after, and S(h) the probability of all words that
have an n-gram with h. P(h) is h's share of the text: Kneser-Ney's own estimates of it are bad
(Chelba et al. 2010, "Study on interaction between entropy pruning and Kneser-Ney smoothing").
"""

from dataclasses import replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from training.kneser_ney import Estimates

_TINY = 1e-12


def losses(orders: list[Estimates]) -> list[NDArray[np.float64]]:
    """Of every order above one, [N]: what leaving an n-gram out costs, or a longer one with it."""
    found = [_own_losses(lower, order) for lower, order in pairwise(orders)]
    # A context must stay for its longer n-grams.
    for index in range(len(found) - 1, 0, -1):
        np.maximum.at(found[index - 1], orders[index + 1].context, found[index])
    return found


def prune(
    orders: list[Estimates], found_losses: list[NDArray[np.float64]], num_kept: int
) -> list[Estimates]:
    """The model with about `num_kept` n-grams of several words, the ones of the largest losses.

    At least one is kept. It still sums to one: backoff weights are computed anew.
    """
    everything = np.concatenate([np.zeros(0), *found_losses])
    num_left_out = len(everything) - max(num_kept, 1)
    limit = -np.inf
    if num_left_out > 0:
        limit = float(np.partition(everything, num_left_out)[num_left_out])
    kept = [np.ones(len(orders[0].word), bool), *(loss >= limit for loss in found_losses)]
    return _without(orders, kept)


def _own_losses(lower: Estimates, order: Estimates) -> NDArray[np.float64]:
    context, num_contexts = order.context, len(lower.word)
    p, p_lower = order.probability, lower.probability[order.suffix]
    seen = np.bincount(context, p, num_contexts)
    seen_lower = np.bincount(context, p_lower, num_contexts)
    left = np.maximum(1 - seen[context], _TINY)
    new_backoff = (left + p) / np.maximum(1 - seen_lower[context] + p_lower, _TINY)
    log_new = np.log(new_backoff)
    log_old = np.log(np.maximum(lower.backoff[context], _TINY))
    change = p * (np.log(p_lower) + log_new - np.log(p)) + (log_new - log_old) * left
    loss: NDArray[np.float64] = -lower.share[context] * change
    return loss


def _without(orders: list[Estimates], kept: list[NDArray[np.bool_]]) -> list[Estimates]:
    """The model of the n-grams that are marked, each with its context marked as well."""
    full = orders[0].probability  # of n-grams in the pruned model, whether kept or not
    pruned = [orders[0]]
    new_index = np.arange(len(full))
    for lower, order, lower_kept, mark in zip(orders, orders[1:], kept, kept[1:], strict=False):
        probability = order.probability
        backoff = _backoff(order, (probability, full[order.suffix]), (mark, len(lower.word)))
        pruned[-1] = replace(pruned[-1], backoff=backoff[lower_kept])
        backed_off = backoff[order.context] * full[order.suffix]
        full = np.where(mark, probability, backed_off)
        pruned.append(
            Estimates(
                new_index[order.context[mark]].astype(np.int32),
                order.word[mark],
                np.full(int(mark.sum()), -1, np.int32),  # which may have been pruned
                probability[mark],
                np.ones(int(mark.sum())),
                order.share[mark],
            )
        )
        new_index = np.cumsum(mark) - 1
    return pruned


def _backoff(
    order: Estimates,
    probabilities: tuple[NDArray[np.float64], NDArray[np.float64]],
    extent: tuple[NDArray[np.bool_], int],
) -> NDArray[np.float64]:
    """[C] the weights that make every context's words sum to one; 1 where none is left."""
    (probability, lower), (mark, num_contexts) = probabilities, extent
    context = order.context[mark]
    seen = np.bincount(context, probability[mark], num_contexts)
    seen_lower = np.bincount(context, lower[mark], num_contexts)
    weight = np.ones(num_contexts)
    some = seen > 0
    weight[some] = np.maximum(1 - seen[some], _TINY) / np.maximum(1 - seen_lower[some], _TINY)
    return weight
