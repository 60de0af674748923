"""How words are said: the lexicon of a bundle, as a trie of phonemes."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.errors import InvalidBundle
from service.engine.tries import NOWHERE, ROOT, Trie, build_long_trie, extend_trie

Lexicon = Mapping[str, bytes]
"""Words and how each is said: indices of phonemes, a byte each."""


class Pronunciations(NamedTuple):
    """R different pronunciations of W words, for compiled code."""

    trie: Trie  # labels are phonemes, ends are pronunciations, values their words' highest
    first_nodes: NDArray[np.int32]  # [P] the node of each first phoneme, or NOWHERE
    first_word: NDArray[np.int32]  # [R + 1] pronunciation r is of the words from [r] to [r + 1]
    words: NDArray[np.int32]  # [W] numbers


def read_lexicon(path: Path, phonemes: Sequence[str]) -> Lexicon:
    """Read a file of one word a line, followed by its phonemes, with spaces between.

    Args:
        path: the file, as `longwave pronounce` writes it.
        phonemes: the acoustic model's, in order, the blank first.

    Raises:
        InvalidBundle: it cannot be read, a line has no phonemes or one that the model has not, or
            a word is there twice.
    """
    return read_said(
        path,
        phonemes,
        name="lexicon",
        must_be="a new word and phonemes of the model",
        allows=lambda _, said: bool(said),
    )


def read_said(
    path: Path,
    phonemes: Sequence[str],
    name: str,
    must_be: str,
    allows: Callable[[str, bytes], bool],
) -> dict[str, bytes]:
    """Read a file whose lines are something spelled, each once, and its phonemes.

    Args:
        path: the file.
        phonemes: the acoustic model's, in order, the blank first, 256 at most.
        name: of such a file.
        must_be: what a line must be.
        allows: whether one may be what it spells, with these phonemes.

    Raises:
        InvalidBundle: it cannot be read, or a line is wrong.
    """
    index = {phoneme: number for number, phoneme in enumerate(phonemes) if number > 0}
    found: dict[str, bytes] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidBundle(f"the {name} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        spelled, *said = line.split() or [""]
        numbers = _numbers(said, index)
        if numbers is None or spelled in found or not allows(spelled, numbers):
            raise InvalidBundle(f"{path}, line {number}: {line!r} must be {must_be}")
        found[spelled] = numbers
    return found


def _numbers(said: Iterable[str], index: Mapping[str, int]) -> bytes | None:
    """The phonemes by their indices; None if one has none."""
    try:
        return bytes(map(index.__getitem__, said))
    except KeyError:
        return None


def build_pronunciations(
    lexicon: Lexicon, words: Sequence[str], values: NDArray[np.float64], num_phonemes: int
) -> Pronunciations:
    """The pronunciations of numbered words; those that the lexicon lacks are left out.

    Args:
        lexicon: how words are said.
        words: [N] by number.
        values: [N] theirs, of which the trie holds the highest.
        num_phonemes: P.
    """
    said = [(number, lexicon[word]) for number, word in enumerate(words) if word in lexicon]
    distinct: dict[bytes, int] = {}
    ranks = np.array([distinct.setdefault(each, len(distinct)) for _, each in said], np.intp)
    numbers = np.array([number for number, _ in said], np.int32)[ranks.argsort(kind="stable")]
    first_word = np.concatenate([[0], np.bincount(ranks).cumsum()]).astype(np.int32)
    highest = np.maximum.reduceat(values[numbers], first_word[:-1]) if said else np.zeros(0)
    labels = np.frombuffer(b"".join(distinct), np.uint8).astype(np.int32)
    lengths = np.fromiter(map(len, distinct), np.intp, len(distinct))
    trie, _ = build_long_trie(labels, lengths, highest)
    return Pronunciations(trie, _first_nodes(trie, num_phonemes), first_word, numbers)


def extend_pronunciations(
    said: Pronunciations, more: Mapping[int, Sequence[int]], value: float
) -> Pronunciations:
    """With more words, by number; `value` is that of each."""
    trie, nodes = extend_trie(said.trie, list(more.values()), value)
    first_word, words = said.first_word.copy(), said.words
    for number, node in zip(more, nodes, strict=True):
        if trie["end"][node] == NOWHERE:
            trie["end"][node] = len(first_word) - 1
            first_word = np.append(first_word, first_word[-1])
        following = trie["end"][node] + 1
        words = np.insert(words, first_word[following], number)
        first_word[following:] += 1
    return Pronunciations(trie, _first_nodes(trie, len(said.first_nodes)), first_word, words)


def _first_nodes(trie: Trie, num_phonemes: int) -> NDArray[np.int32]:
    first_nodes = np.full(num_phonemes, NOWHERE, np.int32)
    children = np.arange(trie[ROOT]["first_child"], trie[ROOT + 1]["first_child"])
    first_nodes[trie["label"][children]] = children
    return first_nodes
