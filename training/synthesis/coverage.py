"""Which sentences to speak: some at random, some for the words that are still rarely said."""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from training.synthesis.sentences import SentenceLimits, read_lines, sentences
from training.text import normalise

POOL_FACTOR = 4  # words to choose from for every word that is spoken
COVERAGE_SHARE = 0.5  # of the words, in sentences chosen for coverage; the others are as they come
MIN_OCCURRENCES = 2  # in the pool, of a word worth covering: the others are mostly misprints
MATCH_LENGTH = 6  # words in a row that make two texts the same passage


@dataclass(frozen=True, slots=True)
class TextGroup:
    """Text files that share a part of the corpus evenly, as far as they reach."""

    share: float
    files: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class Excluded:
    """Passages that must not be spoken, because models are measured on them."""

    passages: frozenset[tuple[str, ...]] = field(default_factory=frozenset)

    @classmethod
    def of(cls, texts: Iterable[str]) -> "Excluded":
        """Of normalised texts."""
        return cls(frozenset(passage for text in texts for passage in _passages(text.split())))

    def __contains__(self, text: str) -> bool:
        return not self.passages.isdisjoint(_passages(text.split()))


def choose(groups: Sequence[TextGroup], num_words: int, excluded: Excluded, seed: int) -> list[str]:
    """Sentences with about `num_words` words in all, in random order.

    Raises OSError where a file cannot be read.
    """
    rng = np.random.default_rng(seed)
    whole = sum(group.share for group in groups)
    chosen: list[str] = []
    for group in groups:
        quota = round(num_words * group.share / whole / len(group.files))
        for path in group.files:
            pool = _pool(path, quota * POOL_FACTOR, excluded, rng)
            at_random = list(_first_words(pool, round(quota * (1 - COVERAGE_SHARE))))
            chosen += at_random
            chosen += cover(pool[len(at_random) :], round(quota * COVERAGE_SHARE), at_random)
    return [chosen[index] for index in rng.permutation(len(chosen))]


def cover(pool: Sequence[str], num_words: int, spoken: Iterable[str] = ()) -> list[str]:
    """Sentences of `pool` with about `num_words` words, those with the rarest words first.

    Greedy: the next sentence is the one whose mean of 1 / sqrt(1 + times said so far) over its
    different words is greatest. That gain only falls as sentences are taken, so it is enough to
    look again at the sentence that was best when it was last looked at.
    """
    said = Counter(word for sentence in spoken for word in _words(sentence))
    occurrences = Counter(word for sentence in pool for word in set(_words(sentence)))

    def gain(sentence: str) -> float:
        words = _words(sentence)
        covered = {word for word in words if occurrences[word] >= MIN_OCCURRENCES}
        return sum(1 / math.sqrt(1 + said[word]) for word in covered) / len(words)

    heap = [(-gain(sentence), index) for index, sentence in enumerate(pool)]
    heapq.heapify(heap)
    chosen: list[str] = []
    while heap and num_words > 0:
        _, index = heap[0]
        current = -gain(pool[index])
        if current > heap[0][0]:
            heapq.heapreplace(heap, (current, index))
            continue
        heapq.heappop(heap)
        chosen.append(pool[index])
        said.update(_words(pool[index]))
        num_words -= len(_words(pool[index]))
    return chosen


def _pool(path: Path, num_words: int, excluded: Excluded, rng: np.random.Generator) -> list[str]:
    """Different sentences of random lines of a file, up to `num_words` words."""
    lines = read_lines(path)
    found: dict[str, None] = {}
    for index in rng.permutation(len(lines)):
        for sentence in sentences(lines[index], SentenceLimits()):
            if sentence not in found and normalise(sentence) not in excluded:
                found[sentence] = None
                num_words -= len(_words(sentence))
        if num_words <= 0:
            break
    return list(found)


def _first_words(pool: Sequence[str], num_words: int) -> Iterator[str]:
    for sentence in pool:
        if num_words <= 0:
            return
        num_words -= len(_words(sentence))
        yield sentence


def _words(sentence: str) -> list[str]:
    return sentence.replace(",", "").split()


def _passages(words: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Every run of MATCH_LENGTH words; all words of a shorter text."""
    for start in range(max(1, len(words) - MATCH_LENGTH + 1)):
        yield tuple(words[start : start + MATCH_LENGTH])
