"""Text files as sentences to speak: short, normalised, and read alike by every synthesiser."""

import lzma
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.text import normalise, unspoken

_CLOSING = r"[\"'\u2019\u201d)]*"  # quotes and brackets
_DASHES = r"\u2013\u2014"
# A full stop after two letters or fewer is an abbreviation's or an initial's: Mr. St. J.
_SENTENCE_END = re.compile(
    rf"(?<![A-Z][a-z]\.)(?<![A-Z]\.)(?<!Mrs\.)(?<=[.!?]){_CLOSING}\s+|[;:]\s+"
    rf"|\s+-+\s+|--+|[{_DASHES}\u2026]"
)
_CLAUSE_END = re.compile(rf",{_CLOSING}\s+")
_ROMAN_NUMERAL = re.compile(r"(?=..)m*(c[md]|d?c{0,3})(x[cl]|l?x{0,3})(i[xv]|v?i{0,3})")
_VOWEL = re.compile("[aeiouy]")


@dataclass(frozen=True, slots=True)
class SentenceLimits:
    """Words that a sentence may have."""

    min_words: int = 2
    max_words: int = 22


def read_lines(path: Path) -> list[str]:
    """The lines of a text file, plain or compressed with xz. Raises OSError."""
    try:
        content = path.read_bytes()
        if path.suffix == ".xz":
            content = lzma.decompress(content)
        return content.decode("utf-8").splitlines()
    except (lzma.LZMAError, UnicodeDecodeError) as error:
        raise OSError(f"{path}: {error}") from error


def sentences(line: str, limits: SentenceLimits) -> Iterator[str]:
    """What can be spoken of a line: normalised words, with commas where a speaker would pause.

    `normalise` of a sentence is its transcript. Long sentences are parted, at commas if they can
    be. Left out are sentences too short, with signs that have no spoken form, or with words that
    synthesisers spell out or read each in its own way.
    """
    for sentence in _SENTENCE_END.split(line):
        if sentence and not unspoken(sentence):
            clauses = [normalise(clause).split() for clause in _CLAUSE_END.split(sentence)]
            for part in _packed([clause for clause in clauses if clause], limits.max_words):
                words = [word for clause in part for word in clause]
                if len(words) >= limits.min_words and all(map(_is_read_alike, words)):
                    yield ", ".join(" ".join(clause) for clause in part)


def _packed(clauses: Sequence[Sequence[str]], max_words: int) -> Iterator[list[Sequence[str]]]:
    """Runs of clauses with at most `max_words` words each."""
    run: list[Sequence[str]] = []
    for part in (part for clause in clauses for part in _parted(clause, max_words)):
        if run and sum(map(len, run)) + len(part) > max_words:
            yield run
            run = []
        run.append(part)
    if run:
        yield run


def _parted(clause: Sequence[str], max_words: int) -> Iterator[Sequence[str]]:
    """A clause in the fewest parts of about equal length."""
    length = math.ceil(len(clause) / math.ceil(len(clause) / max_words))
    for start in range(0, len(clause), length):
        yield clause[start : start + length]


def _is_read_alike(word: str) -> bool:
    """Whether a word is neither a Roman numeral nor an abbreviation without a vowel."""
    if len(word) == 1 or word == "mix":
        return True
    return bool(_VOWEL.search(word)) and not _ROMAN_NUMERAL.fullmatch(word)
