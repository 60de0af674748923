"""Greedy CTC decoding: the most probable symbol of every frame."""

from collections.abc import Iterator, Sequence
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
        num_frames = len(log_probs)
        if num_frames == 0:
            return state
        path = log_probs.argmax(axis=1)  # [T]
        path_log_probs = log_probs.max(axis=1).astype(np.float64)  # [T]
        emissions = list(self._emissions(path, path_log_probs, state.num_frames))
        spelling = state.spelling
        if emissions and path[0] == state.last_symbol != self._vocabulary.blank_id:
            spelling, emissions[0] = _continue(spelling, emissions[0])
        # A running sum, unlike np.sum, adds in the same order however the frames are cut.
        score = np.add.accumulate(np.append(state.score, path_log_probs))[-1]
        return GreedyState(
            int(path[-1]), state.num_frames + num_frames, float(score), spelling.add(emissions)
        )

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
        self, path: NDArray[np.intp], path_log_probs: NDArray[np.float64], first_frame: int
    ) -> Iterator[Emission]:
        """The runs of symbols other than blank in `path` [T], which starts at `first_frame`."""
        starts = np.flatnonzero(np.diff(path, prepend=-1))  # [R], a run starts where it changes
        ends = np.append(starts[1:], len(path))
        peaks = np.maximum.reduceat(path_log_probs, starts)
        kept = path[starts] != self._vocabulary.blank_id
        columns = (path[starts], starts + first_frame, ends + first_frame, peaks)
        for symbol, start, end, peak in zip(*(c[kept].tolist() for c in columns), strict=True):
            yield Emission(self._vocabulary.symbols[symbol], start, end, peak)


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
