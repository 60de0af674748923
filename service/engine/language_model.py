"""What decoding asks of a language model, and how its opinion joins the acoustic model's."""

from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias

LanguageModelState: TypeAlias = Any
"""What a language model remembers of the words so far. Opaque to decoders, never changed."""


class LanguageModel(Protocol):
    """Judges words by the words before them. Shared and immutable."""

    def start(self) -> LanguageModelState:
        """The state before the first word of an utterance."""
        ...

    def score(self, state: LanguageModelState, word: str) -> tuple[float, LanguageModelState]:
        """Natural log-probability of `word` after `state`, and the state after it.

        It gives a finite score for any word, those it does not know included.
        """
        ...


@dataclass(frozen=True, slots=True)
class ShallowFusion:
    """A language model added to the acoustic score when a word is complete.

    score(text) = ln P_ctc(text) + sum of (lm_weight * ln P_lm(word | words before) + word_bonus)

    The bonus makes up for what each word costs in ln P_lm, which favours few words.
    (Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs", equation 2, written as logarithms.)
    """

    language_model: LanguageModel
    lm_weight: float
    word_bonus: float

    def score(self, state: LanguageModelState, word: str) -> tuple[float, LanguageModelState]:
        """What completing `word` adds to the score, and the language model's state after it."""
        log_prob, next_state = self.language_model.score(state, word)
        return self.lm_weight * log_prob + self.word_bonus, next_state
