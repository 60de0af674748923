"""Greedy CTC decoding: the most probable symbol of every frame."""

from collections.abc import Sequence
from dataclasses import dataclass

from service.engine.alignment import Emission, Spelling
from service.engine.decoding import Hypothesis, PartialHypothesis
from service.engine.frames import Frames
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

    def advance(self, state: GreedyState, frames: Frames) -> GreedyState:
        """Take in frames, of which the path follows the most probable letters."""
        if not len(frames):
            return state
        emissions = self._emissions(frames, state.num_frames)
        spelling = state.spelling
        if emissions and frames.letters[0] == state.last_symbol != self._vocabulary.blank_id:
            spelling, emissions[0] = _continue(spelling, emissions[0])
        score = state.score
        for log_prob in frames.letter_log_probs:  # in the same order however the frames are cut
            score += log_prob
        spelling = spelling.add(emissions) if emissions else spelling
        return GreedyState(frames.letters[-1], state.num_frames + len(frames), score, spelling)

    def partial(self, state: GreedyState) -> PartialHypothesis:
        """The text so far; its complete words are stable.

        A frame's symbol depends on that frame alone, so nothing later takes a symbol back. Only
        the open word can still change, by growing; hence the stable text ends before it.
        """
        return PartialHypothesis(state.spelling.text, state.spelling.complete_text)

    def hypotheses(self, state: GreedyState) -> Sequence[Hypothesis]:
        """The one reading, scored by the log-probability of its best path."""
        return [Hypothesis(state.spelling.finish(), state.score)]

    def _emissions(self, frames: Frames, first_frame: int) -> list[Emission]:
        """The runs of symbols other than blank; the frames are counted from `first_frame` on."""
        letters, log_probs = frames.letters, frames.letter_log_probs
        symbols, blank_id = self._vocabulary.symbols, self._vocabulary.blank_id
        emissions, start = [], 0
        for end in range(1, len(letters) + 1):
            symbol = letters[start]
            if end < len(letters) and letters[end] == symbol:
                continue
            if symbol != blank_id:
                peak = max(log_probs[start:end])
                emissions.append(
                    Emission(symbols[symbol], first_frame + start, first_frame + end, peak)
                )
            start = end
        return emissions


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
