"""CTC prefix beam search: the texts whose paths together are most probable."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from service.engine.beam_rows import final_scores
from service.engine.beams import Beams, empty_prefix
from service.engine.boosting import build_boosts
from service.engine.commitment import (
    CAPACITY,
    FRAMES_PER_COMMIT,
    commit,
    pending_text,
    pending_words,
)
from service.engine.decoding import Hypothesis, PartialHypothesis, Word
from service.engine.frames import Frames
from service.engine.language_model import ShallowFusion, indifferent_model
from service.engine.options import BoostPhrase
from service.engine.prefix_search import search
from service.engine.pruning import Pruning
from service.engine.readings import Reading, best_readings
from service.engine.rows import num_shared
from service.engine.vocabulary import SPACE, Vocabulary
from service.engine.word_scores import Words

_NO_LANGUAGE_MODEL = indifferent_model()


@dataclass(frozen=True, slots=True)
class BeamTuning:
    """What is worth following, in nats, and what judges words. The defaults follow plenty."""

    symbol_margin: float = 9.0  # symbols this much less probable than the frame's best are not
    max_symbols: int = 16  # and no more than these
    beam_margin: float = 14.0  # prefixes this much worse than the best are not
    sure_blank: float = 0.99  # posterior from which a frame is taken for a blank and nothing else
    fusion: ShallowFusion | None = None
    word_bonus: float = 0.0  # nats a word, if there is no fusion
    symbol_bonuses: tuple[float, ...] = ()  # nats for each symbol of the vocabulary; () for none
    boosts: tuple[BoostPhrase, ...] = ()


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
        ValueError: the vocabulary has no such blank, no space, or a symbol twice; a width < 1; or
            there are bonuses for another number of symbols.
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
        if len(tuning.symbol_bonuses) not in (0, len(vocabulary)):
            raise ValueError("symbol_bonuses must have a number for each symbol of the vocabulary")
        self._vocabulary = Vocabulary(vocabulary, blank_id)
        self._pruning = Pruning(
            beam_width=beam_width,
            beam_margin=float(tuning.beam_margin),
            symbol_margin=float(tuning.symbol_margin),
            max_symbols=tuning.max_symbols,
            sure_blank=float(np.log(tuning.sure_blank)),
            blank_id=blank_id,
            capacity=CAPACITY,
        )
        self.words = _words(tuning, self._vocabulary)
        self._start = BeamState(0, (), empty_prefix(self._vocabulary.space_id, _context(tuning)))
        self._nbest = nbest

    def start(self) -> BeamState:
        return self._start

    def advance(self, state: BeamState, frames: Frames) -> BeamState:
        """Take in frames; what they tell of phonemes is left alone."""
        words, beams, num_frames = state.words, state.beams, state.num_frames
        # A copy is of the one kind of array that the search is compiled for.
        letters = np.array(frames.log_probs[:, : len(self._vocabulary)], np.float32, order="C")
        for piece in _until_commits(letters, num_frames):
            beams = search(self.words, self._pruning, beams, piece, num_frames)
            num_frames += len(piece)
            if num_frames % FRAMES_PER_COMMIT == 0:
                committed, beams = commit(beams, self._vocabulary)
                words += committed
        return BeamState(num_frames, words, beams)

    def partial(self, state: BeamState) -> PartialHypothesis:
        """The best beam's text and what is stable."""
        text = pending_text(state.beams, int(state.beams.score.argmax()), self._vocabulary)
        return PartialHypothesis(_text(state, text), self.stable(state))

    def stable(self, state: BeamState) -> str:
        """The complete words that all beams share.

        Every later reading extends one of the beams, so none can lack these words.
        """
        count = num_shared(state.beams.symbols, state.beams.texts["length"])
        shared, _, _ = pending_text(state.beams, 0, self._vocabulary)[:count].rpartition(SPACE)
        return _text(state, shared)

    def texts(self, state: BeamState, count: int) -> list[str]:
        """The best texts at most, their open words taken for complete, best first."""
        best = np.argsort(-final_scores(self.words, state.beams), kind="stable").tolist()
        pending = (pending_text(state.beams, slot, self._vocabulary) for slot in best)
        return list(islice(dict.fromkeys(_text(state, each) for each in pending), count))

    def hypotheses(self, state: BeamState) -> Sequence[Hypothesis]:
        """The `nbest` best texts at most, their open words completed; see `readings`."""
        beams = state.beams
        scores = final_scores(self.words, beams)
        readings = [
            Reading(pending_words(beams, slot, self._vocabulary), score, viterbi)
            for slot, (score, viterbi) in enumerate(
                zip(scores.tolist(), beams.paths["viterbi"].max(axis=0).tolist(), strict=True)
            )
        ]
        return [
            Hypothesis(state.words + reading.words, reading.score)
            for reading in best_readings(readings, self._nbest)
        ]


def _text(state: BeamState, pending: str) -> str:
    """Committed and pending words; where a word was cut in two, two spaces may have met."""
    return SPACE.join([*(word.text for word in state.words), *pending.split()])


def _words(tuning: BeamTuning, vocabulary: Vocabulary) -> Words:
    fusion = tuning.fusion or ShallowFusion(_NO_LANGUAGE_MODEL, 0.0, tuning.word_bonus)
    return Words(
        language=fusion.language_model.arrays,
        boosts=build_boosts(tuning.boosts, vocabulary),
        space_id=vocabulary.space_id,
        symbol_bonuses=np.array(tuning.symbol_bonuses or [0.0] * len(vocabulary), np.float64),
        lm_weight=float(fusion.lm_weight),
        word_bonus=float(fusion.word_bonus),
        oov_letter_log_prob=float(fusion.oov_letter_log_prob),
    )


def _context(tuning: BeamTuning) -> NDArray[np.int32]:
    model = tuning.fusion.language_model if tuning.fusion else _NO_LANGUAGE_MODEL
    return model.start()


def _until_commits(log_probs: NDArray[np.float32], first_frame: int) -> list[NDArray[np.float32]]:
    """The frames [T, V] in pieces that end where words are committed, or with the frames."""
    until_first = FRAMES_PER_COMMIT - first_frame % FRAMES_PER_COMMIT
    pieces = np.split(log_probs, range(until_first, len(log_probs), FRAMES_PER_COMMIT))
    return [piece for piece in pieces if len(piece)]
