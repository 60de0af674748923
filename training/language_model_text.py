"""Text for a language model: sentences in normal form, as sequences of word numbers."""

import lzma
import re
from array import array
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.engine.ngram_file import BEGIN_ID, END_ID, SPECIAL_WORDS, UNKNOWN_ID
from training.text import normalise

# A paragraph is cut where a capital follows a full stop, unless that belongs to a title or initial.
_SENTENCE_END = re.compile(
    r"(?<=[a-z0-9][.!?])(?<!\bMr\.)(?<!\bMrs\.)(?<!\bDr\.)(?<!\bSt\.)(?<!\bRev\.)(?<!\bCapt\.)"
    r"(?<!\bCol\.)(?<!\bGen\.)(?<!\bHon\.)(?<!\bProf\.)(?<!\bLt\.)(?<!\bNo\.)(?<!\bMessrs\.)"
    "['\"\N{RIGHT SINGLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK})]*\\s+"
    "(?=['\"\N{LEFT SINGLE QUOTATION MARK}\N{LEFT DOUBLE QUOTATION MARK}(]*[A-Z])"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Text files and how much an n-gram counts that they have, against those of other sources."""

    paths: tuple[Path, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """The words of all sources in a row, every sentence between BEGIN_ID and END_ID."""

    vocabulary: tuple[str, ...]  # SPECIAL_WORDS, then words by falling weighted frequency
    ids: NDArray[np.int32]  # [N] indices of it
    bounds: tuple[int, ...]  # source s has ids[bounds[s]:bounds[s + 1]]
    weights: tuple[float, ...]  # of the sources


def sentences(lines: Iterable[str]) -> Iterator[str]:
    """The sentences of lines of text, normalised, those without words left out."""
    for line in lines:
        for sentence in _SENTENCE_END.split(line):
            if normal := normalise(sentence):
                yield normal


def read_lines(paths: Iterable[Path]) -> Iterator[str]:
    """The lines of text files, which may be compressed with xz. Raises OSError."""
    for path in paths:
        opened = lzma.open if path.suffix == ".xz" else open
        try:
            with opened(path, "rt", encoding="utf-8", errors="replace") as file:
                yield from file
        except (lzma.LZMAError, EOFError) as error:
            raise OSError(f"{path}: {error}") from error


def read_tokens(sources: Sequence[Source], vocabulary_size: int, min_count: int) -> Tokens:
    """Read all sources; words outside the vocabulary become UNKNOWN_ID.

    Args:
        vocabulary_size: words that are kept at most, by the sum of their counts times the weights
            of their sources.
        min_count: how often a word of the vocabulary must occur, in all sources together.
    """
    numbers: defaultdict[str, int] = defaultdict(count(len(SPECIAL_WORDS)).__next__)
    texts = [_numbered(sentences(read_lines(source.paths)), numbers) for source in sources]
    words = [*SPECIAL_WORDS, *numbers]
    occurrences = np.array([np.bincount(text, minlength=len(words)) for text in texts])  # [S, W]
    weights = tuple(source.weight for source in sources)
    kept = _vocabulary(occurrences, weights, (vocabulary_size, min_count))
    new_ids = np.full(len(words), UNKNOWN_ID, np.int32)
    new_ids[kept] = np.arange(len(kept))
    return Tokens(
        vocabulary=tuple(words[index] for index in kept.tolist()),
        ids=new_ids[np.concatenate(texts)],
        bounds=(0, *np.cumsum([len(text) for text in texts]).tolist()),
        weights=weights,
    )


def _numbered(texts: Iterable[str], numbers: defaultdict[str, int]) -> NDArray[np.int32]:
    """Sentences in a row as numbers; a word without one gets the next."""
    ids = array("i")
    number_of = numbers.__getitem__
    for text in texts:
        ids.append(BEGIN_ID)
        ids.extend(map(number_of, text.split()))
        ids.append(END_ID)
    return np.array(ids, np.int32)


def _vocabulary(
    occurrences: NDArray[np.int64], weights: Sequence[float], limits: tuple[int, int]
) -> NDArray[np.intp]:
    """Numbers of the words that are kept: the special ones, then others, most frequent first."""
    vocabulary_size, min_count = limits
    frequency = np.asarray(weights) @ occurrences  # [W]
    ranked = np.argsort(-frequency, kind="stable")
    special = np.arange(len(SPECIAL_WORDS))
    common = occurrences.sum(axis=0)[ranked] >= min_count
    ordinary = ranked[common & (ranked >= len(special))]
    return np.concatenate([special, ordinary[:vocabulary_size]])
