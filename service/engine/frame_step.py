"""One frame of prefix beam search: where all prefixes lead to, merged and scored. Compiled.

`prefix_search` has the formulas.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.beams import BLANK, SYMBOL, Beams
from service.engine.compiled import borrowing, compiled
from service.engine.log_sums import add_logs
from service.engine.ngram_search import CONTEXT_LENGTH
from service.engine.pruning import Pruning
from service.engine.word_scores import Words, highest_look_ahead, look_ahead, score_open_word


class FrameStep(NamedTuple):
    """What a frame makes of B prefixes and their extensions by C symbols."""

    frame: NDArray[np.float64]  # [V] log-posteriors and what is added to them
    symbols: NDArray[np.int64]  # [C] worth extending prefixes by; never the blank
    better: NDArray[np.int64]  # [B] kind of the better path before the frame
    stay: NDArray[np.float64]  # [2, B] ln P_b' and P_s' of the prefixes themselves
    viterbi: NDArray[np.float64]  # [2, B] their best paths
    source: NDArray[np.int64]  # [2, B] kind and beam of the path that P_s' continues
    fresh: NDArray[np.bool_]  # [B] that path emits the last symbol for the first time
    extended: NDArray[np.float64]  # [B, C] ln P_s' of extensions; -inf if they are beams already
    expected: NDArray[np.float64]  # [B, V] what extensions' open words are expected to add
    score: NDArray[np.float64]  # [B, 1 + C] what prefixes and extensions are ranked by
    column_of: NDArray[np.int64]  # [V] place of a symbol in `symbols`, or -1
    after: NDArray[np.int32]  # [CONTEXT_LENGTH] for a state of the language model


@compiled
def step_frame(
    words: Words,
    pruning: Pruning,
    beams: Beams,
    num_beams: int,
    heard: tuple[NDArray[np.float64], NDArray[np.int64]],
) -> FrameStep:
    """The step of the first beams over a frame [V] and its symbols [C]."""
    frame, symbols = heard
    step = FrameStep(
        frame,
        symbols,
        np.empty(num_beams, np.int64),
        np.empty((2, num_beams)),
        np.empty((2, num_beams)),
        np.empty((2, num_beams), np.int64),
        np.zeros(num_beams, np.bool_),
        np.empty((num_beams, len(symbols))),
        np.empty((num_beams, len(frame))),
        np.empty((num_beams, 1 + len(symbols))),
        np.full(len(frame), -1),
        np.empty(CONTEXT_LENGTH, np.int32),
    )
    step.column_of[symbols] = np.arange(len(symbols))
    _spread(words.space_id, pruning.blank_id, beams, step)
    _merge(beams, step)
    _score(words, pruning, beams, step)
    return step


@borrowing
def path_into(last: int, added: int, better: int) -> int:
    """Kind of the best path into a prefix's extension: only a blank leads to the same again."""
    return BLANK if last == added else better


@borrowing
def _spread(space_id: int, blank_id: int, beams: Beams, step: FrameStep) -> None:
    """What every prefix gives to itself and to its extensions."""
    frame = step.frame
    for slot in range(len(step.better)):
        blank, symbol = beams.paths[BLANK, slot], beams.paths[SYMBOL, slot]
        total = add_logs(blank["log_prob"], symbol["log_prob"])
        better = SYMBOL if symbol["viterbi"] > blank["viterbi"] else BLANK
        viterbi = max(symbol["viterbi"], blank["viterbi"])
        last = beams.texts[slot]["last"]
        at_space = last == space_id
        step.better[slot] = better
        step.stay[BLANK, slot] = total + frame[blank_id]
        step.stay[SYMBOL, slot] = (total if at_space else symbol["log_prob"]) + frame[last]
        step.viterbi[BLANK, slot] = viterbi + frame[blank_id]
        step.viterbi[SYMBOL, slot] = (viterbi if at_space else symbol["viterbi"]) + frame[last]
        step.source[0, slot] = better if at_space else SYMBOL
        step.source[1, slot] = slot
        repeated = -np.inf if at_space else blank["log_prob"]
        for column, added in enumerate(step.symbols):
            given = repeated if added == last else total
            step.extended[slot, column] = given + frame[added]


@borrowing
def _merge(beams: Beams, step: FrameStep) -> None:
    """Move extensions that are prefixes of the beam already to these, where both are summed."""
    num_beams = len(step.better)
    for child in range(num_beams):
        added, parent = beams.texts[child]["last"], beams.texts[child]["parent"]
        column = step.column_of[added]
        if column < 0:
            continue
        for slot in range(num_beams):
            if beams.texts[slot]["identity"] != parent:
                continue
            total = add_logs(step.stay[SYMBOL, child], step.extended[slot, column])
            step.stay[SYMBOL, child] = total
            step.extended[slot, column] = -np.inf
            kind = path_into(beams.texts[slot]["last"], added, step.better[slot])
            viterbi = beams.paths[kind, slot]["viterbi"] + step.frame[added]
            if viterbi > step.viterbi[SYMBOL, child]:
                step.viterbi[SYMBOL, child] = viterbi
                step.source[0, child], step.source[1, child] = kind, slot
                step.fresh[child] = True


@borrowing
def _score(words: Words, pruning: Pruning, beams: Beams, step: FrameStep) -> None:
    """Fill in what the prefixes and their extensions are ranked by; -inf is not worth following."""
    num_beams, texts = len(step.better), beams.texts
    best = -np.inf
    for slot in range(num_beams):
        total = add_logs(step.stay[BLANK, slot], step.stay[SYMBOL, slot])
        step.score[slot, 0] = total + texts[slot]["fused"] + texts[slot]["ahead"]
        best = max(best, step.score[slot, 0])
    # However good its word may become, an extension below this is not among the best.
    limit = best - pruning.beam_margin - highest_look_ahead(words)
    for slot in range(num_beams):
        text = texts[slot]
        spelling = False
        for column, added in enumerate(step.symbols):
            score = step.extended[slot, column] + text["fused"]
            if added == words.space_id and score > -np.inf:
                if np.isnan(text["at_end"]):
                    text["at_end"], _ = score_open_word(
                        words, text, beams.context[slot], step.after
                    )
                step.score[slot, 1 + column] = score + text["at_end"]
            elif score < limit:
                step.score[slot, 1 + column] = -np.inf
            else:
                if not spelling:
                    look_ahead(words, text, step.expected[slot])
                    spelling = True
                step.score[slot, 1 + column] = score + step.expected[slot, added]
