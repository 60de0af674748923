"""CTC prefix beam search, frame by frame, compiled.

A prefix l is a text so far. Many CTC paths collapse to it; they are summed in two parts, by what
they end in (Graves 2012, section 7.5.3; Hannun et al. 2014, algorithm 1):

    P_b(l)   paths that end in the blank
    P_s(l)   paths that end in the last symbol of l, call it e

A frame with posteriors y takes them to the following, where P = P_b + P_s:

    P_b'(l)   = P(l) y[blank]       a blank changes no text
    P_s'(l)   = P_s(l) y[e]         e again, without a blank between, is still the same e
    P_s'(lc) += P(l) y[c]           another symbol c
    P_s'(le) += P_b(l) y[e]         after a blank, e is a second e

The last two are merged into lc or le where these are followed already. Spaces differ, so that
texts which differ in repeated spaces only are one prefix: a space after a space changes no text,
with a blank between or not, and P_s'(l) = P(l) y[space] if e is the space.

Beside each sum goes its best single path, by the same recursion with max in place of + (Viterbi),
and that path's emissions: where word times come from. The alternative, to align the final text
with the audio, must keep the log-probs since the last committed word, which in silence is for
ever. Carrying the paths along keeps nothing but the beams, and finds the same times: the best
path of a text is lost only if pruning drops one of its prefixes.

Where a language model judges the words, y is a posterior divided by a power of the symbol's prior:
what the symbols say of one another, as far as their frequencies go, the model says better (Miao et
al., EESEN, 2015). It is given by `Words.symbol_bonuses`.

Beams are ranked by P and by what language model and boosts say of their words; `word_scores` has
that. It is exact for whole words and a guess for the open one, which is taken back when it ends.
"""

import numpy as np
from numpy.typing import NDArray

from service.engine.beam_rows import copy_beams, copy_path, copy_text, extend_text, new_beams
from service.engine.beams import BLANK, SYMBOL, Beams
from service.engine.compiled import borrowing, compiled
from service.engine.frame_step import FrameStep, path_into, step_frame
from service.engine.log_sums import add_logs
from service.engine.pruning import Pruning, best_candidates, worth_following
from service.engine.word_scores import Words


@compiled
def search(
    words: Words,
    pruning: Pruning,
    beams: Beams,
    log_probs: NDArray[np.float32],
    first_frame: int,
) -> Beams:
    """The beams after log_probs [T, V], whose first frame has this number. T fits `capacity`."""
    num_beams = len(beams.texts)
    width = max(pruning.beam_width, num_beams)
    current, other = new_beams(width, pruning.capacity), new_beams(width, pruning.capacity)
    copy_beams(beams, num_beams, current)
    for index in range(len(log_probs)):
        frame = log_probs[index] + words.symbol_bonuses
        symbols = worth_following(frame, pruning)
        if len(symbols) == 0:
            _rest(current, num_beams, frame[pruning.blank_id])
            continue
        step = step_frame(words, pruning, current, num_beams, (frame, symbols))
        chosen = best_candidates(step.score.ravel(), pruning)
        _arrive(words, (current, other), step, chosen, first_frame + index)
        num_beams = len(chosen)
        current, other = other, current
    compacted = new_beams(num_beams, current.texts["length"][:num_beams].max())
    copy_beams(current, num_beams, compacted)
    return compacted


@borrowing
def _rest(beams: Beams, num_beams: int, blank: float) -> None:
    """Take in a frame that is surely blank: what else it may be is neglected."""
    for slot in range(num_beams):
        resting, speaking = beams.paths[BLANK, slot], beams.paths[SYMBOL, slot]
        total = add_logs(resting["log_prob"], speaking["log_prob"])
        if speaking["viterbi"] > resting["viterbi"]:
            copy_path(beams, SYMBOL, slot, beams, (BLANK, slot))
        resting["viterbi"] = max(resting["viterbi"], speaking["viterbi"]) + blank
        resting["log_prob"] = total + blank
        speaking["viterbi"] = speaking["log_prob"] = -np.inf


@borrowing
def _arrive(
    words: Words,
    buffers: tuple[Beams, Beams],
    step: FrameStep,
    chosen: NDArray[np.int64],
    number: int,
) -> None:
    """Write the prefixes and extensions that are chosen to the second buffer."""
    current, other = buffers
    num_columns = step.score.shape[1]
    for new, candidate in enumerate(chosen):
        slot, column = candidate // num_columns, candidate % num_columns
        copy_text(current, slot, other, new)
        if column == 0:
            _stay(current, slot, other, new, step)
        else:
            added = step.symbols[column - 1]
            extend_text(words, current, slot, (other, new), added)
            other.texts[new]["ahead"] = step.expected[slot, added] if added != words.space_id else 0
            _enter(current, slot, (other, new), step, column - 1)
        last = other.texts[new]["last"]
        posterior = step.frame[last] - words.symbol_bonuses[last]
        _emit(other, new, posterior, number, column > 0 or step.fresh[slot])


@borrowing
def _stay(current: Beams, slot: int, other: Beams, new: int, step: FrameStep) -> None:
    """The paths of a prefix with the frame taken in."""
    for kind in (BLANK, SYMBOL):
        other.paths[kind, new]["log_prob"] = step.stay[kind, slot]
        other.paths[kind, new]["viterbi"] = step.viterbi[kind, slot]
    copy_path(current, step.better[slot], slot, other, (BLANK, new))
    copy_path(current, step.source[0, slot], step.source[1, slot], other, (SYMBOL, new))


@borrowing
def _enter(
    current: Beams, slot: int, extension: tuple[Beams, int], step: FrameStep, column: int
) -> None:
    """The paths of a prefix that has become one symbol longer: they all end in the symbol."""
    other, new = extension
    added = step.symbols[column]
    kind = path_into(current.texts[slot]["last"], added, step.better[slot])
    blank, symbol = other.paths[BLANK, new], other.paths[SYMBOL, new]
    blank["log_prob"] = blank["viterbi"] = -np.inf
    symbol["log_prob"] = step.extended[slot, column]
    symbol["viterbi"] = current.paths[kind, slot]["viterbi"] + step.frame[added]
    copy_path(current, kind, slot, other, (SYMBOL, new))


@borrowing
def _emit(beams: Beams, slot: int, posterior: float, number: int, fresh: bool) -> None:
    """Note that the path that ends in the symbol emits it in this frame, of this log-posterior."""
    emission = beams.emissions[SYMBOL, slot, beams.texts[slot]["length"] - 1]
    if fresh:
        emission["start"] = number
        emission["peak"] = posterior
    else:
        emission["peak"] = max(emission["peak"], posterior)
    emission["end"] = number + 1
