"""What a beam search does not follow. Compiled."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import compiled


class Pruning(NamedTuple):
    """What is not followed."""

    beam_width: int  # hypotheses that are followed
    beam_margin: float  # nats; hypotheses this much worse than the best are not
    symbol_margin: float  # nats; symbols this much less probable than the frame's best are not
    max_symbols: int  # and no more than these
    sure_blank: float  # ln posterior from which a frame is a blank and nothing else
    blank_id: int
    capacity: int  # symbols or words that a hypothesis has room for


@compiled
def worth_following(frame: NDArray[np.float64], pruning: Pruning) -> NDArray[np.int64]:
    """[C] symbols to extend hypotheses by; none where the frame is surely blank, or nothing."""
    best = frame.max()
    if best == -np.inf:  # where nothing is possible, nothing is said
        frame[pruning.blank_id] = 0.0
        return np.empty(0, np.int64)
    if frame[pruning.blank_id] >= pruning.sure_blank:
        return np.empty(0, np.int64)
    others = frame.copy()
    others[pruning.blank_id] = -np.inf
    num_kept = min(pruning.max_symbols, len(frame))
    weakest = np.sort(others)[len(frame) - num_kept]
    limit = max(weakest, best - pruning.symbol_margin)
    return np.flatnonzero((others >= limit) & (others > -np.inf))


@compiled
def best_candidates(scores: NDArray[np.float64], pruning: Pruning) -> NDArray[np.int64]:
    """Indices of the best candidates, ascending; of equal ones, the first."""
    limit = scores.max() - pruning.beam_margin
    chosen = np.flatnonzero((scores >= limit) & (scores > -np.inf))
    num_surplus = len(chosen) - pruning.beam_width
    if num_surplus <= 0:
        return chosen
    kept = scores[chosen]
    limit = np.partition(kept, num_surplus)[num_surplus]
    num_equal = pruning.beam_width - (kept > limit).sum()
    best = (kept > limit) | ((kept == limit) & ((kept == limit).cumsum() <= num_equal))
    return chosen[np.flatnonzero(best)]
