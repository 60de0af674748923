"""How well a given text fits what was heard, and when: CTC's forward sum and best path. Compiled.

Of a text of L symbols, CTC has a state for every symbol, with a blank before each and after the
last (Graves et al. 2006, section 4.1). Here place i is symbol i and the blank after it, and place 0
the blank before all. In each frame a state is kept, or left for the next one, or for the next but
one where that skips a blank between symbols that differ. Spaces are as in `prefix_search`: a space
may come again after a blank, and before the first symbol and after the last a space is as good as a
blank.

In each frame only the places between the first and the last are followed that are not hopeless
beside the best, so that a long text costs no more a frame than a short one.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.beams import EMISSION
from service.engine.compiled import borrowing, compiled

_HOPELESS = 1e-60  # of the best state's probability
_FROM_BLANK, _FROM_SYMBOL, _FROM_OWN_BLANK = 1, 2, 3  # how a best path came to a symbol; 0: stayed


class Heard(NamedTuple):
    """What texts are to fit."""

    posteriors: NDArray[np.float64]  # [T, C], perhaps divided by powers of priors
    blank_id: int
    space_id: int  # or -1, where words have nothing between them


class _Text(NamedTuple):
    """[L + 1] each, by place. Place 0 has no symbol: its posterior is taken as 0."""

    labels: NDArray[np.int32]
    sounds: NDArray[np.float64]  # 1 where there is a symbol
    skips: NDArray[np.float64]  # 1 where the symbol may follow the one before without a blank
    returns: NDArray[np.float64]  # 1 where the symbol may come again after its own blank


class _States(NamedTuple):
    """[L + 2] each, by place plus 1: probabilities, scaled so that the highest is 1."""

    symbols: NDArray[np.float64]
    blanks: NDArray[np.float64]


class _Moves(NamedTuple):
    """[T, L + 1] each: where the best path to a state comes from, 0 where it stays."""

    symbols: NDArray[np.int8]  # _FROM_BLANK, _FROM_SYMBOL or _FROM_OWN_BLANK
    blanks: NDArray[np.int8]  # 1: from the symbol before it


@compiled
def fit_text(heard: Heard, labels: NDArray[np.int32]) -> float:
    """ln P_ctc(labels [L]), the sum over all paths; -inf where there is none."""
    text, window, log_scale = _places(heard, labels), (0, 0), 0.0
    current, other = _nowhere(len(labels)), _nowhere(len(labels))
    current.blanks[1] = 1.0
    for frame in heard.posteriors:
        window = _enter(window, other)
        _sum_paths(text, frame, current, other, window)
        _hear_blanks(heard, frame, other, window)
        scale = _rescale(other, window)
        if scale == 0.0:
            return -np.inf
        log_scale += np.log(scale)
        window = _hopeful(other, window)
        current, other = other, current
    if window[1] < len(labels):
        return -np.inf
    return float(np.log(current.symbols[-1] + current.blanks[-1]) + log_scale)


@compiled
def place_text(heard: Heard, labels: NDArray[np.int32]) -> NDArray[np.void]:
    """When the best path emits each symbol: [L] EMISSION, or none where there is no path.

    Their peaks are ln of what `heard` has.
    """
    text, window = _places(heard, labels), (0, 0)
    current, other = _nowhere(len(labels)), _nowhere(len(labels))
    current.blanks[1] = 1.0
    shape = (len(heard.posteriors), len(labels) + 1)
    moves = _Moves(np.zeros(shape, np.int8), np.zeros(shape, np.int8))
    for index, frame in enumerate(heard.posteriors):
        window = _enter(window, other)
        _choose_paths(text, frame, (current, other, moves), index, window)
        _hear_blanks(heard, frame, other, window)
        if _rescale(other, window) == 0.0:
            return np.zeros(0, EMISSION)
        window = _hopeful(other, window)
        current, other = other, current
    if window[1] < len(labels) or max(current.symbols[-1], current.blanks[-1]) == 0.0:
        return np.zeros(0, EMISSION)
    ends_in_symbol = bool(current.symbols[-1] > current.blanks[-1])
    return _emissions(heard, labels, moves, ends_in_symbol)


@compiled
def _places(heard: Heard, labels: NDArray[np.int32]) -> _Text:
    count = len(labels) + 1
    text = _Text(np.zeros(count, np.int32), np.zeros(count), np.zeros(count), np.zeros(count))
    for place in range(1, count):
        label = labels[place - 1]
        text.labels[place], text.sounds[place] = label, 1.0
        text.skips[place] = place > 1 and label != labels[place - 2]
        text.returns[place] = label == heard.space_id
    return text


@compiled
def _nowhere(num_labels: int) -> _States:
    return _States(np.zeros(num_labels + 2), np.zeros(num_labels + 2))


@borrowing
def _enter(window: tuple[int, int], other: _States) -> tuple[int, int]:
    """The places that can be reached in the next frame; beyond them, nothing is."""
    low, high = window[0], min(window[1] + 1, len(other.symbols) - 2)
    other.symbols[low] = other.blanks[low] = 0.0
    if high + 2 < len(other.symbols):
        other.symbols[high + 2] = other.blanks[high + 2] = 0.0
    return low, high


@borrowing
def _sum_paths(
    text: _Text,
    frame: NDArray[np.float64],
    current: _States,
    other: _States,
    window: tuple[int, int],
) -> None:
    """Add up what leads to the states of the next frame."""
    for place in range(window[0], window[1] + 1):
        at = place + 1
        arriving = (
            current.symbols[at]
            + current.blanks[at - 1]
            + text.skips[place] * current.symbols[at - 1]
            + text.returns[place] * current.blanks[at]
        )
        other.symbols[at] = arriving * text.sounds[place] * frame[text.labels[place]]
        other.blanks[at] = current.blanks[at] + current.symbols[at]


@borrowing
def _choose_paths(
    text: _Text,
    frame: NDArray[np.float64],
    paths: tuple[_States, _States, _Moves],
    index: int,
    window: tuple[int, int],
) -> None:
    """The best of what leads to the states of the next frame."""
    current, other, moves = paths
    for place in range(window[0], window[1] + 1):
        at = place + 1
        best, move = current.symbols[at], 0
        if current.blanks[at - 1] > best:
            best, move = current.blanks[at - 1], _FROM_BLANK
        if text.skips[place] * current.symbols[at - 1] > best:
            best, move = current.symbols[at - 1], _FROM_SYMBOL
        if text.returns[place] * current.blanks[at] > best:
            best, move = current.blanks[at], _FROM_OWN_BLANK
        other.symbols[at] = best * text.sounds[place] * frame[text.labels[place]]
        other.blanks[at] = max(current.blanks[at], current.symbols[at])
        moves.symbols[index, place] = move
        moves.blanks[index, place] = current.symbols[at] > current.blanks[at]


@borrowing
def _hear_blanks(
    heard: Heard, frame: NDArray[np.float64], other: _States, window: tuple[int, int]
) -> None:
    """Each blank's posterior; at either end of the text it may be a space as well."""
    low, high = window
    blank = frame[heard.blank_id]
    edge = blank + (frame[heard.space_id] if heard.space_id >= 0 else 0.0)
    last = len(other.blanks) - 2
    for place in range(low, high + 1):
        other.blanks[place + 1] *= edge if place in (0, last) else blank


@borrowing
def _rescale(states: _States, window: tuple[int, int]) -> float:
    """Divide by the highest probability, which is returned."""
    low, high = window
    scale = 0.0
    for at in range(low + 1, high + 2):
        scale = max(scale, states.symbols[at], states.blanks[at])
    if scale > 0.0:
        for at in range(low + 1, high + 2):
            states.symbols[at] /= scale
            states.blanks[at] /= scale
    return scale


@borrowing
def _hopeful(states: _States, window: tuple[int, int]) -> tuple[int, int]:
    """The first and the last place worth following, where the highest probability is 1."""
    low, high = window
    while max(states.symbols[low + 1], states.blanks[low + 1]) < _HOPELESS:
        low += 1
    while max(states.symbols[high + 1], states.blanks[high + 1]) < _HOPELESS:
        high -= 1
    return low, high


@compiled
def _emissions(
    heard: Heard, labels: NDArray[np.int32], moves: _Moves, ends_in_symbol: bool
) -> NDArray[np.void]:
    """Read the best path back from its last state."""
    emissions = np.zeros(len(labels), EMISSION)
    for emission in emissions:
        emission["peak"] = -np.inf
    place, in_symbol = len(labels), ends_in_symbol
    for index in range(len(heard.posteriors) - 1, -1, -1):
        if not in_symbol:
            in_symbol = moves.blanks[index, place] != 0
            continue
        emission = emissions[place - 1]
        if emission["peak"] == -np.inf:
            emission["end"] = index + 1
        emission["start"] = index
        emission["peak"] = max(emission["peak"], np.log(heard.posteriors[index, labels[place - 1]]))
        move = moves.symbols[index, place]
        in_symbol = move in (0, _FROM_SYMBOL)
        place -= move in (_FROM_BLANK, _FROM_SYMBOL)
    return emissions
