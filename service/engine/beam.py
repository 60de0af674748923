"""CTC prefix beam search: the texts whose paths together are most probable."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine.beams import Beams, empty_prefix
from service.engine.commitment import (
    CAPACITY,
    FRAMES_PER_COMMIT,
    commit,
    num_shared,
    pending_text,
    pending_words,
)
from service.engine.decoding import Hypothesis, PartialHypothesis, Word
from service.engine.language_model import ShallowFusion
from service.engine.prefix_search import Frame, PrefixSearch
from service.engine.readings import Reading, best_readings
from service.engine.vocabulary import SPACE, Vocabulary


@dataclass(frozen=True, slots=True)
class BeamTuning:
    """What is worth following, in nats, and the language model. The defaults follow plenty."""

    symbol_margin: float = 9.0  # symbols this much less probable than the frame's best are not
    max_symbols: int = 16  # and no more than these
    beam_margin: float = 14.0  # prefixes this much worse than the best are not
    sure_blank: float = 0.99  # posterior from which a frame is taken for a blank and nothing else
    fusion: ShallowFusion | None = None


@dataclass(frozen=True, slots=True, eq=False)
class BeamState:
    """What beam search carries from one frame to the next."""

    num_frames: int
    words: tuple[Word, ...]  # committed: no beam differs in them
    beams: Beams  # what follows these words


class BeamDecoder:
    """Prefix beam search, as `prefix_search` describes it, over endless streams.

    Every `FRAMES_PER_COMMIT` frames the words that all beams share are committed (`commit`), so
    that a frame costs the same after a second and after a day. These are frames of the utterance,
    wherever it was cut.

    Args:
        vocabulary: the model's symbols in order, with a space among them.
        blank_id: index of the CTC blank.
        beam_width: prefixes that are followed.
        nbest: readings wanted at most.
        tuning: what is worth following, and the language model.

    Raises:
        ValueError: the vocabulary has no such blank, no space, or a symbol twice; or a width < 1.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        blank_id: int,
        beam_width: int = 16,
        nbest: int = 1,
        tuning: BeamTuning = BeamTuning(),
    ) -> None:
        if min(beam_width, nbest, tuning.max_symbols) < 1:
            raise ValueError("beam_width, nbest and max_symbols must be positive")
        self._vocabulary = Vocabulary(vocabulary, blank_id)
        self._search = PrefixSearch(self._vocabulary, beam_width, tuning.beam_margin)
        self._nbest = nbest
        self._tuning = tuning

    def start(self) -> BeamState:
        fusion = self._tuning.fusion
        lm_state = None if fusion is None else fusion.language_model.start()
        return BeamState(0, (), empty_prefix(CAPACITY, self._vocabulary.space_id, lm_state))

    def advance(self, state: BeamState, log_probs: NDArray[np.float32]) -> BeamState:
        words, beams = state.words, state.beams
        for frame in self._frames(log_probs, state.num_frames):
            beams = self._take_in(beams, frame)
            if (frame.number + 1) % FRAMES_PER_COMMIT == 0:
                committed, beams = commit(beams, self._vocabulary)
                words += committed
        return BeamState(state.num_frames + len(log_probs), words, beams)

    def partial(self, state: BeamState) -> PartialHypothesis:
        """The best beam's text; stable are the complete words that all beams share.

        Every later reading extends one of the beams, so none can lack these words.
        """
        beams = state.beams
        best = int(beams.score.argmax())
        committed = " ".join(word.text for word in state.words)
        text = pending_text(beams, best, self._vocabulary)
        stable, _, _ = text[: num_shared(beams, best)].rpartition(SPACE)
        return PartialHypothesis((committed + text).strip(), (committed + stable).strip())

    def hypotheses(self, state: BeamState) -> Sequence[Hypothesis]:
        """The `nbest` best texts at most, their open words completed; see `readings`."""
        beams = state.beams
        self._score_open_words(beams)
        at_space = beams.last == self._vocabulary.space_id
        scores = beams.score + np.where(at_space, 0.0, beams.end_fused)
        readings = [
            Reading(pending_words(beams, slot, self._vocabulary), score, viterbi)
            for slot, (score, viterbi) in enumerate(
                zip(scores.tolist(), beams.viterbi.max(axis=0).tolist(), strict=True)
            )
        ]
        return [
            Hypothesis(state.words + reading.words, reading.score)
            for reading in best_readings(readings, self._nbest)
        ]

    def _frames(self, log_probs: NDArray[np.float32], first_frame: int) -> Iterator[Frame]:
        """The frames of log_probs [T, V] with the symbols that are worth following in each."""
        frames = log_probs.astype(np.float64)
        blank_id, tuning = self._vocabulary.blank_id, self._tuning
        # Where nothing is possible, nothing is said: the frame is passed over.
        frames[frames.max(axis=1) == -np.inf, blank_id] = 0.0
        others = frames.copy()
        others[:, blank_id] = -np.inf
        num_kept = min(tuning.max_symbols, len(self._vocabulary))
        weakest = np.partition(others, -num_kept, axis=1)[:, -num_kept]
        limit = np.maximum(weakest, frames.max(axis=1) - tuning.symbol_margin)  # [T]
        worth_it = (others >= limit[:, None]) & (others > -np.inf)  # [T, V]
        worth_it[frames[:, blank_id] >= np.log(tuning.sure_blank)] = False
        for number, (frame, symbols) in enumerate(zip(frames, worth_it, strict=True), first_frame):
            yield Frame(number, frame, np.flatnonzero(symbols))

    def _take_in(self, beams: Beams, frame: Frame) -> Beams:
        if not len(frame.symbols):
            return self._search.rest(beams, float(frame.log_probs[self._vocabulary.blank_id]))
        if self._vocabulary.space_id in frame.symbols:
            self._score_open_words(beams)
        return self._search.step(beams, frame)

    def _score_open_words(self, beams: Beams) -> None:
        """Fill in what completing each open word would add, where it is not known yet."""
        unknown = np.flatnonzero(np.isnan(beams.end_fused))
        fusion = self._tuning.fusion
        if fusion is None:
            beams.end_fused[unknown] = 0.0
            return
        for slot in unknown.tolist():
            _, _, word = pending_text(beams, slot, self._vocabulary).rpartition(SPACE)
            lm_state = beams.lm_state[slot]
            score, lm_state = fusion.score(lm_state, word) if word else (0.0, lm_state)
            beams.end_fused[slot], beams.end_lm_state[slot] = score, lm_state
