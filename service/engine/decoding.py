"""What every CTC decoder takes and gives, whole utterances and streams alike."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from service.engine.frames import Frames


@dataclass(frozen=True, slots=True)
class Word:
    """A recognised word. Frames count from the start of the decoder's utterance."""

    text: str
    start_frame: int
    end_frame: int  # exclusive
    confidence: float  # in [0, 1]


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One reading of an utterance."""

    words: tuple[Word, ...]
    score: float  # natural-log score that the decoder ranked it by

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


@dataclass(frozen=True, slots=True)
class PartialHypothesis:
    """The best reading so far. `stable` is a prefix of `text` that later audio cannot change."""

    text: str
    stable: str


S = TypeVar("S")


class CtcDecoder(Protocol[S]):
    """Turns log-probabilities into text. Shared and immutable: all that changes is in its state."""

    def start(self) -> S:
        """The state before the first frame of an utterance."""
        ...

    def advance(self, state: S, frames: Frames) -> S:
        """Take in any number of frames. Any cutting gives the same text."""
        ...

    def partial(self, state: S) -> PartialHypothesis:
        """The best reading of what has been taken in."""
        ...

    def hypotheses(self, state: S) -> Sequence[Hypothesis]:
        """The readings of the whole utterance, best first; at least one, perhaps of no words."""
        ...
