"""Greedy CTC decoding: the most probable symbol of every frame."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine.alignment import Emission, Spelling
from service.engine.decoding import Hypothesis, PartialHypothesis
from service.engine.vocabulary import Vocabulary


@dataclass(frozen=True, slots=True)
class GreedyState:
    """What greedy decoding carries from one frame to the next."""

    last_symbol: int  # the last frame's symbol, which the next frame may continue
    num_frames: int
    score: float  # log-probability of the best path so far
    spelling: Spelling


class GreedyDecoder:
    """Best-path decoding (Graves et al. 2006, section 3.2).

    The path takes every frame's most probable symbol; its text is what remains when each run of
    one symbol is collapsed to a single symbol and the blanks are dropped.

    Args:
        vocabulary: the model's symbols in order, with a space among them.
        blank_id: index of the CTC blank.

    Raises:
        ValueError: the vocabulary has no such blank, no space, or a symbol twice.
    """

    def __init__(self, vocabulary: Sequence[str], blank_id: int) -> None:
        self._vocabulary = Vocabulary(vocabulary, blank_id)

    def start(self) -> GreedyState:
        return GreedyState(self._vocabulary.blank_id, 0, 0.0, Spelling())

    def advance(self, state: GreedyState, log_probs: NDArray[np.float32]) -> GreedyState:
        """Take in log_probs [T, V or more], of which the first V columns are the letters."""
        num_frames = len(log_probs)
        if num_frames == 0:
            return state
        letters = log_probs[:, : len(self._vocabulary)]
        path, path_log_probs = letters.argmax(axis=1), letters.max(axis=1)  # [T], [T]
        emissions = self._emissions(path, path_log_probs, state.num_frames)
        spelling = state.spelling
        if emissions and path[0] == state.last_symbol != self._vocabulary.blank_id:
            spelling, emissions[0] = _continue(spelling, emissions[0])
        score = state.score
        for log_prob in path_log_probs.tolist():  # in the same order however the frames are cut
            score += log_prob
        spelling = spelling.add(emissions) if emissions else spelling
        return GreedyState(int(path[-1]), state.num_frames + num_frames, score, spelling)

    def partial(self, state: GreedyState) -> PartialHypothesis:
        """The text so far; its complete words are stable.

        A frame's symbol depends on that frame alone, so nothing later takes a symbol back. Only
        the open word can still change, by growing; hence the stable text ends before it.
        """
        return PartialHypothesis(state.spelling.text, state.spelling.complete_text)

    def hypotheses(self, state: GreedyState) -> Sequence[Hypothesis]:
        """The one reading, scored by the log-probability of its best path."""
        return [Hypothesis(state.spelling.finish(), state.score)]

    def _emissions(
        self, path: NDArray[np.intp], path_log_probs: NDArray[np.float32], first_frame: int
    ) -> list[Emission]:
        """The runs of symbols other than blank in `path` [T], T >= 1, from `first_frame` on."""
        starts = np.flatnonzero(np.concatenate(([True], path[1:] != path[:-1])))
        ends = np.append(starts[1:], len(path))
        peaks = np.maximum.reduceat(path_log_probs, starts)
        symbols, blank_id = self._vocabulary.symbols, self._vocabulary.blank_id
        found = path[starts].tolist()
        runs = zip(found, starts.tolist(), ends.tolist(), peaks.tolist(), strict=True)
        return [
            Emission(symbols[symbol], first_frame + start, first_frame + end, peak)
            for symbol, start, end, peak in runs
            if symbol != blank_id
        ]


def _continue(spelling: Spelling, emission: Emission) -> tuple[Spelling, Emission]:
    """Join the run that a cut divided: take its first half back, and return the whole run.

    A divided run of spaces needs no joining, because repeated spaces leave no trace.
    """
    if not spelling.letters:
        return spelling, emission
    *letters, begun = spelling.letters
    whole = Emission(
        emission.symbol,
        begun.start_frame,
        emission.end_frame,
        max(begun.log_prob, emission.log_prob),
    )
    return Spelling(spelling.words, tuple(letters)), whole
