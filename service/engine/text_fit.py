"""How well a given text fits what was heard, and when: CTC's forward sum and best path. Compiled.

Of a text of L symbols, CTC has 2 L + 1 states: every symbol, with a blank before each and after the
last (Graves et al. 2006, section 4.1). In each frame a state is kept, or left for the next one, or
for the next but one where that skips a blank between symbols that differ. Spaces are as in
`prefix_search`: a space may come again after a blank, and before the first symbol and after the
last a space is as good as a blank.

In each frame only the states between the first and the last are followed that are not hopeless
beside the best, so that a long text costs no more a frame than a short one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.beams import EMISSION
from service.engine.compiled import compiled

_HOPELESS = 1e-60  # of the best state's probability


class Heard(NamedTuple):
    """What texts are to fit."""

    posteriors: NDArray[np.float64]  # [T, C], perhaps divided by powers of priors
    blank_id: int
    space_id: int  # or -1, where words have nothing between them


class _States(NamedTuple):
    """2 L + 1 states after a frame, scaled so that the best has a sum of 1."""

    sums: NDArray[np.float64]  # over all paths that lead there
    best: NDArray[np.float64]  # the most probable of them


@compiled
def fit_text(heard: Heard, labels: NDArray[np.int32]) -> tuple[float, NDArray[np.void]]:
    """ln P_ctc(labels [L]), and when the best path emits each.

    Returns:
        The log-probability, -inf where there is no path, and [L] EMISSION, or none without a path.
        Their peaks are ln of what `heard` has.
    """
    num_frames, num_states = len(heard.posteriors), 2 * len(labels) + 1
    steps = np.zeros((num_frames, num_states), np.int8)  # to each state from where the best path is
    current = _States(np.zeros(num_states), np.zeros(num_states))
    other = _States(np.zeros(num_states), np.zeros(num_states))
    current.sums[0] = current.best[0] = 1.0
    low, high, log_scale = 0, 0, 0.0
    for index in range(num_frames):
        last = min(high + 2, num_states - 1)
        other.sums[:] = 0.0
        other.best[:] = 0.0
        for state in range(low, last + 1):
            steps[index, state] = _enter(heard, labels, current, other, (index, state))
        scale = other.sums[low : last + 1].max()
        if scale == 0.0:
            return -np.inf, np.zeros(0, EMISSION)
        other.sums[:] /= scale
        other.best[:] /= scale
        log_scale += np.log(scale)
        low, high = _hopeful(other.sums, low, last)
        current, other = other, current
    ends = current.sums[-2:].sum()
    if ends == 0.0:
        return -np.inf, np.zeros(0, EMISSION)
    state = num_states - 1
    if num_states > 1 and current.best[state - 1] > current.best[state]:
        state -= 1
    return float(np.log(ends) + log_scale), _emissions(heard, labels, steps, state)


@compiled
def _enter(
    heard: Heard,
    labels: NDArray[np.int32],
    current: _States,
    other: _States,
    place: tuple[int, int],
) -> int:
    """Fill in a state of the next frame. Returns how far before it the best path comes from."""
    index, state = place
    total, best, step = current.sums[state], current.best[state], 0
    nearby = (1, 2, -1)  # the one before; the symbol before; the blank after
    for offset in nearby:
        if not _leads(heard, labels, state, offset):
            continue
        total += current.sums[state - offset]
        if current.best[state - offset] > best:
            best, step = current.best[state - offset], offset
    posterior = _posterior(heard, labels, index, state)
    other.sums[state], other.best[state] = total * posterior, best * posterior
    return step


@compiled
def _leads(heard: Heard, labels: NDArray[np.int32], state: int, offset: int) -> bool:
    """Whether a path may come to a state from the one so far before it."""
    if offset == 1:
        return state >= 1
    if state % 2 == 0:
        return False
    label = labels[state // 2]
    if offset == 2:
        return state >= 3 and label != labels[state // 2 - 1]
    return bool(label == heard.space_id)


@compiled
def _posterior(heard: Heard, labels: NDArray[np.int32], index: int, state: int) -> float:
    frame = heard.posteriors[index]
    if state % 2:
        return float(frame[labels[state // 2]])
    is_edge = state in (0, 2 * len(labels))
    space = frame[heard.space_id] if is_edge and heard.space_id >= 0 else 0.0
    return float(frame[heard.blank_id] + space)


@compiled
def _hopeful(sums: NDArray[np.float64], low: int, high: int) -> tuple[int, int]:
    """The first and the last state worth following; those outside are given up."""
    while sums[low] < _HOPELESS:
        sums[low] = 0.0
        low += 1
    while sums[high] < _HOPELESS:
        sums[high] = 0.0
        high -= 1
    return low, high


@compiled
def _emissions(
    heard: Heard, labels: NDArray[np.int32], steps: NDArray[np.int8], state: int
) -> NDArray[np.void]:
    """Read the best path back from its last state."""
    emissions = np.zeros(len(labels), EMISSION)
    for emission in emissions:
        emission["peak"] = -np.inf
    for index in range(len(steps) - 1, -1, -1):
        if state % 2:
            emission = emissions[state // 2]
            if emission["peak"] == -np.inf:
                emission["end"] = index + 1
            emission["start"] = index
            peak = np.log(heard.posteriors[index, labels[state // 2]])
            emission["peak"] = max(emission["peak"], peak)
        state -= steps[index, state]
    return emissions
