"""Beam search over pronounced words, as `pronunciation_search` describes it, for one utterance."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine.language_model import ShallowFusion
from service.engine.pronunciation_beams import Hypotheses, nothing_said
from service.engine.pronunciation_search import complete_texts, search_pronunciations
from service.engine.pronunciation_step import Judges
from service.engine.pruning import Pruning
from service.engine.rows import num_shared
from service.engine.said_boosts import SaidBoosts
from service.engine.tries import NOWHERE

_BEAM_MARGIN = 10.0
_SYMBOL_MARGIN = 9.0  # nats
_MAX_SYMBOLS = 16
_SURE_BLANK = 0.95
_FEW, _PER_TEXT = 32, 16  # hypotheses among which the best texts are looked for


@dataclass(frozen=True, slots=True, eq=False)
class PronouncedState:
    """What the search carries from one frame to the next."""

    words: tuple[int, ...]  # that all hypotheses begin with, the language model's numbers
    hypotheses: Hypotheses  # what follows these words


class PronunciationDecoder:
    """Finds the most probable sequences of words that the lexicon can say.

    Args:
        fusion: the language model, which knows how its words are said, and what it weighs.
        weight: of the sounds.
        beam_width: hypotheses that are followed.
        boosts: phrases that are likely, of the same language model.

    Raises:
        ValueError: the language model has no pronunciations.
    """

    def __init__(
        self, fusion: ShallowFusion, weight: float, beam_width: int, boosts: SaidBoosts
    ) -> None:
        model = fusion.language_model
        if model.pronunciations is None:
            raise ValueError("the language model does not know how its words are said")
        self._vocabulary = model.vocabulary
        self._judges = Judges(
            model.pronunciations,
            model.arrays.ngrams,
            float(weight),
            float(fusion.lm_weight),
            float(fusion.word_bonus),
            boosts,
        )
        self._pruning = Pruning(
            beam_width=beam_width,
            beam_margin=_BEAM_MARGIN,
            symbol_margin=_SYMBOL_MARGIN,
            max_symbols=_MAX_SYMBOLS,
            sure_blank=float(np.log(_SURE_BLANK)),
            blank_id=0,
            capacity=0,  # it makes its own room
        )
        self._start = PronouncedState((), nothing_said(model.start()))

    def start(self) -> PronouncedState:
        """The state before the first frame."""
        return self._start

    def advance(self, state: PronouncedState, log_probs: NDArray[np.float32]) -> PronouncedState:
        """Take in log_probs [T, P], natural log. Any cutting of T gives the same texts."""
        frames = np.array(log_probs, np.float32, order="C")
        found = search_pronunciations(self._judges, self._pruning, state.hypotheses, frames)
        num_settled = num_shared(found.words, found.heads["num_words"])
        settled = found.words[0, :num_settled].tolist()
        return PronouncedState((*state.words, *settled), found.drop_words(num_settled))

    def settled(self, state: PronouncedState) -> list[str]:
        """The words that every later text begins with."""
        return self._spelled(state.words)

    def texts(self, state: PronouncedState, count: int) -> list[list[str]]:
        """The best texts at most, each as its words, best first; none if all end in mid-word."""
        most = max(_FEW, _PER_TEXT * count)
        slots, last_words, scores = complete_texts(self._judges, state.hypotheses, most)
        best = np.argsort(-scores, kind="stable")[:count].tolist()
        return [
            self._spelled([*self._whole_words(state, slots[index]), *_real(last_words[index])])
            for index in best
        ]

    def whole_words(self, state: PronouncedState) -> list[str]:
        """The words of the best hypothesis without the open one."""
        heads = state.hypotheses.heads
        score = self._judges.weight * heads["total"] + heads["fused"]
        return self._spelled(self._whole_words(state, int(score.argmax())))

    def _whole_words(self, state: PronouncedState, slot: int) -> list[int]:
        count = state.hypotheses.heads["num_words"][slot]
        return [*state.words, *state.hypotheses.words[slot, :count].tolist()]

    def _spelled(self, words: Sequence[int]) -> list[str]:
        return [self._vocabulary[word] for word in words]


def _real(word: int) -> list[int]:
    return [] if word == NOWHERE else [word]
