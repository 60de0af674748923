"""What an evaluation found: scored utterances, their groups and the figures of each."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property

from training.manifest import Utterance
from training.score import (
    ErrorCounts,
    bootstrap_interval,
    character_errors,
    total,
    word_errors,
)


@dataclass(frozen=True, slots=True)
class ScoredUtterance:
    """An utterance, what was recognised in it, and the errors of that."""

    utterance: Utterance
    hypothesis: str  # normalised
    words: ErrorCounts
    characters: ErrorCounts
    error: str | None = None  # why the engine refused it

    @classmethod
    def of(
        cls, utterance: Utterance, hypothesis: str, error: str | None = None
    ) -> "ScoredUtterance":
        """Score a normalised hypothesis."""
        words = word_errors(utterance.text, hypothesis)
        characters = character_errors(utterance.text, hypothesis)
        return cls(utterance, hypothesis, words, characters, error)


@dataclass(frozen=True)
class Group:
    """The utterances of one split of one corpus under one condition."""

    corpus: str
    split: str
    scored: tuple[ScoredUtterance, ...]
    wall_s: float  # that recognising them took
    condition: str = "clean"  # one of `training.conditions`

    @cached_property
    def audio_s(self) -> float:
        return sum(scored.utterance.duration_s for scored in self.scored)

    @cached_property
    def words(self) -> ErrorCounts:
        return total([scored.words for scored in self.scored])

    @cached_property
    def characters(self) -> ErrorCounts:
        return total([scored.characters for scored in self.scored])

    @cached_property
    def wer_interval(self) -> tuple[float, float]:
        """95 % bootstrap interval of the word error rate."""
        return bootstrap_interval([scored.words for scored in self.scored])

    @property
    def num_refused(self) -> int:
        return sum(scored.error is not None for scored in self.scored)

    @property
    def real_time_factor(self) -> float:
        """Wall-clock seconds per second of audio; less than 1 is faster than the speaker."""
        return self.wall_s / self.audio_s


@dataclass(frozen=True, slots=True)
class Evaluation:
    """A bundle's results and how they were obtained."""

    bundle: str
    version: str
    commit: str
    provider: str  # that really ran
    precision: str
    decoder: str
    groups: tuple[Group, ...]
    live: bool = False  # every utterance in pieces, as a microphone sends it

    @property
    def overall(self) -> Group:
        """All groups as one."""
        return _joined("all", "all", self.groups)

    @property
    def splits(self) -> tuple[Group, ...]:
        """The groups of every split as one, for the splits of more than one corpus."""
        members: defaultdict[tuple[str, str], list[Group]] = defaultdict(list)
        for group in self.groups:
            members[group.condition, group.split].append(group)
        return tuple(
            _joined("all", split, groups, condition)
            for (condition, split), groups in members.items()
            if groups[1:]
        )

    def worst_first(self) -> list[ScoredUtterance]:
        """Every utterance, by falling word error rate, then by falling number of errors."""
        return sorted(
            self.overall.scored,
            key=lambda scored: (scored.words.rate, scored.words.errors, scored.characters.errors),
            reverse=True,
        )


def _joined(corpus: str, split: str, groups: Iterable[Group], condition: str = "all") -> Group:
    members = tuple(groups)
    scored = tuple(scored for group in members for scored in group.scored)
    return Group(corpus, split, scored, sum(group.wall_s for group in members), condition)
