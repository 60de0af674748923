"""Two beam searches for one text: one spells it in letters, the other says words in phonemes.

Phonemes are heard better than English spelling can be guessed, but only words can be found whose
pronunciation is known; letters find any. So both search, and each text that either finds is judged
by what both heard (`text_judge`).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from service.engine.beam import BeamDecoder, BeamState
from service.engine.decoding import Hypothesis, PartialHypothesis
from service.engine.frames import Frames
from service.engine.hearing import Hearing
from service.engine.pronouncing import PronouncedState, PronunciationDecoder
from service.engine.readings import best_readings
from service.engine.text_judge import TextJudge
from service.engine.vocabulary import SPACE, Vocabulary

_NUM_SPELLED, _NUM_PRONOUNCED = 5, 15  # texts that are judged, if no more readings are wanted


@dataclass(frozen=True, slots=True, eq=False)
class JointState:
    """What both searches carry from one frame to the next, and what was heard."""

    spelled: BeamState
    pronounced: PronouncedState
    hearing: Hearing


class JointDecoder:
    """Decodes letters and phonemes together.

    Args:
        vocabulary: the letters.
        spelling: finds texts in letters, and readings where no text can be judged.
        pronouncing: finds texts in phonemes.
        judge: decides between them.
        nbest: readings wanted at most.
    """

    def __init__(
        self,
        vocabulary: Vocabulary,
        spelling: BeamDecoder,
        pronouncing: PronunciationDecoder,
        judge: TextJudge,
        nbest: int,
    ) -> None:
        self._num_letters = len(vocabulary)
        self._spelling = spelling
        self._pronouncing = pronouncing
        self._judge = judge
        self._nbest = nbest

    def start(self) -> JointState:
        return JointState(self._spelling.start(), self._pronouncing.start(), Hearing())

    def advance(self, state: JointState, frames: Frames) -> JointState:
        """Take in frames that tell of letters and of phonemes."""
        phonemes = frames.log_probs[:, self._num_letters :]
        return JointState(
            self._spelling.advance(state.spelled, frames),
            self._pronouncing.advance(state.pronounced, phonemes),
            state.hearing.add(frames),
        )

    def partial(self, state: JointState) -> PartialHypothesis:
        """The best words in phonemes; stable are those that neither search disputes."""
        best = self._pronouncing.texts(state.pronounced, 1)
        words = best[0] if best else self._pronouncing.whole_words(state.pronounced)
        settled = self._pronouncing.settled(state.pronounced)
        spelled = self._spelling.stable(state.spelled).split(SPACE)
        pairs = takewhile(lambda pair: pair[0] == pair[1], zip(settled, spelled, strict=False))
        return PartialHypothesis(SPACE.join(words), SPACE.join(word for word, _ in pairs))

    def hypotheses(self, state: JointState) -> Sequence[Hypothesis]:
        """The `nbest` best texts at most."""
        hearing = state.hearing
        readings = (
            self._judge.readings(
                hearing.log_probs, self._texts(state), hearing.first_frame, self._nbest
            )
            if hearing.pieces
            else []
        )
        if not readings:  # of frames where nothing is possible
            return self._spelling.hypotheses(state.spelled)
        return [
            Hypothesis(reading.words, reading.score)
            for reading in best_readings(readings, self._nbest)
        ]

    def _texts(self, state: JointState) -> list[str]:
        """What either search finds, each text once."""
        spelled = self._spelling.texts(state.spelled, max(_NUM_SPELLED, self._nbest))
        pronounced = self._pronouncing.texts(state.pronounced, max(_NUM_PRONOUNCED, self._nbest))
        return list(dict.fromkeys([*spelled, *(SPACE.join(words) for words in pronounced)]))
