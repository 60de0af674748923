"""The file of a backoff n-gram language model: what is in it, encoding it and reading it.

    offset  bytes  what
    0       4      MAGIC
    4       2      VERSION, little endian as all numbers
    6       4      H, the header's length
    10      H      header, JSON: {"num_ngrams": [by order], "sections": {name: bytes, in order}}
    10 + H  ...    the sections, each compressed by zlib:
                   words           the vocabulary without SPECIAL_WORDS, UTF-8, a line each
                   child_counts    uint16, of all n-grams but those of the highest order
                   word_ids        uint16, the last words of n-grams of two words and more
                   log_prob_codes  uint8, of all n-grams
                   backoff_codes   uint8, of all n-grams but those of the highest order
                   codebooks       float32 [orders, 2, 256], what the codes stand for, natural logs

The n-grams are a trie in breadth-first order: the one of words (a, b, c) is a child of (a, b), its
children are a run of the next order sorted by word, and the runs follow one another as the parents
do. So child counts say all about the tree. Of a run's word ids the first is stored as it is and the
others as differences from the one before; of 16-bit numbers the low bytes are stored before the
high ones. Both only help the compression.
"""

import json
import struct
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

MAGIC: Final = b"LWLM"
VERSION: Final = 1
MAX_ORDER: Final = 5
MAX_WORDS: Final = 2**16

SPECIAL_WORDS: Final = ("<s>", "</s>", "<unk>")
BEGIN_ID: Final = 0
END_ID: Final = 1
UNKNOWN_ID: Final = 2

_PREFIX = struct.Struct("<4sHI")
_DAMAGES = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)


class InvalidNgramFile(ValueError):
    """The file is not a language model that this version reads, or is damaged."""


@dataclass(frozen=True, slots=True, eq=False)
class NgramTrie:
    """A language model of M orders, N n-grams, n of them below the highest order."""

    vocabulary: tuple[str, ...]  # [W], SPECIAL_WORDS first: the n-grams of one word, in order
    num_ngrams: tuple[int, ...]  # [M]
    first_child: NDArray[np.int32]  # [n + 1] n-gram i has the children [i]..[i + 1]
    word_ids: NDArray[np.uint16]  # [N]
    log_prob_codes: NDArray[np.uint8]  # [N]
    backoff_codes: NDArray[np.uint8]  # [n]
    codebooks: NDArray[np.float32]  # [M, 2, 256] natural logs of probabilities and of backoffs


def encode_ngram_file(trie: NgramTrie) -> bytes:
    """The content of the model's file."""
    num_words = trie.num_ngrams[0]
    word_ids = trie.word_ids[num_words:].astype(np.int32)
    deltas = word_ids - np.roll(word_ids, 1)
    starts = _run_starts(trie.first_child, num_words)
    deltas[starts] = word_ids[starts]
    words = "\n".join(trie.vocabulary[len(SPECIAL_WORDS) :]).encode()
    sections = {
        "words": words,
        "child_counts": _by_planes(_child_counts(trie.first_child)),
        "word_ids": _by_planes(deltas),
        "log_prob_codes": trie.log_prob_codes.tobytes(),
        "backoff_codes": trie.backoff_codes.tobytes(),
        "codebooks": trie.codebooks.astype("<f4").tobytes(),
    }
    packed = {name: zlib.compress(section, 9) for name, section in sections.items()}
    sizes = {name: len(section) for name, section in packed.items()}
    header = json.dumps({"num_ngrams": trie.num_ngrams, "sections": sizes}).encode()
    return b"".join([_PREFIX.pack(MAGIC, VERSION, len(header)), header, *packed.values()])


def read_ngram_file(path: Path) -> NgramTrie:
    """Read a model.

    Raises:
        InvalidNgramFile: it is none, damaged, or of another version. OSError.
    """
    content = path.read_bytes()
    try:
        return _decode(content)
    except (*_DAMAGES, struct.error, zlib.error) as error:
        raise InvalidNgramFile(f"{path} is no language model: {error}; build it again") from error


def _decode(content: bytes) -> NgramTrie:
    magic, version, header_length = _PREFIX.unpack_from(content)
    if (magic, version) != (MAGIC, VERSION):
        raise ValueError(f"it starts with {magic!r} {version}, not {MAGIC!r} {VERSION}")
    start = _PREFIX.size + header_length
    header = json.loads(content[_PREFIX.size : start])
    num_ngrams = _counts(header["num_ngrams"])
    sections = _sections(memoryview(content)[start:], header["sections"])
    first_child = _first_children(_from_planes(sections["child_counts"]), num_ngrams)
    words = tuple(sections["words"].decode().split("\n")) if sections["words"] else ()
    trie = NgramTrie(
        vocabulary=(*SPECIAL_WORDS, *words),
        num_ngrams=num_ngrams,
        first_child=first_child,
        word_ids=_word_ids(_from_planes(sections["word_ids"]), first_child, num_ngrams[0]),
        log_prob_codes=_array(sections["log_prob_codes"], "u1"),
        backoff_codes=_array(sections["backoff_codes"], "u1"),
        codebooks=_array(sections["codebooks"], "<f4").reshape(-1, 2, 256),
    )
    _check(trie)
    return trie


def _counts(numbers: Iterable[float]) -> tuple[int, ...]:
    """[M] how many n-grams there are of each order. Raises ValueError where that cannot be."""
    counts = tuple(int(number) for number in numbers)
    if not 1 <= len(counts) <= MAX_ORDER or counts[0] > MAX_WORDS or min(counts) < 0:
        raise ValueError(f"it has {list(counts)} n-grams by order")
    return counts


def _check(trie: NgramTrie) -> None:
    """Raise ValueError where the parts do not fit together: compiled code trusts them."""
    total, num_inner = sum(trie.num_ngrams), sum(trie.num_ngrams[:-1])
    found = (
        len(trie.vocabulary),
        len(trie.first_child),
        len(trie.word_ids),
        len(trie.log_prob_codes),
        len(trie.backoff_codes),
        len(trie.codebooks),
    )
    expected = (trie.num_ngrams[0], num_inner + 1, total, total, num_inner)
    if found != (*expected, len(trie.num_ngrams)):
        raise ValueError("its parts have lengths that contradict one another")
    if int(trie.word_ids.max()) >= len(trie.vocabulary):
        raise ValueError("it has a word that is not in its vocabulary")
    if len({*trie.vocabulary, ""}) <= len(trie.vocabulary):
        raise ValueError("its vocabulary has a word twice, or one without letters")
    if not np.isfinite(trie.codebooks).all():
        raise ValueError("it has probabilities that are no numbers")


def _sections(packed: memoryview, sizes: dict[str, int]) -> dict[str, bytes]:
    sections = {}
    for name, size in sizes.items():
        sections[name] = zlib.decompress(packed[:size])
        packed = packed[size:]
    return sections


def _first_children(
    child_counts: NDArray[np.uint16], num_ngrams: tuple[int, ...]
) -> NDArray[np.int32]:
    """[n + 1] where each n-gram's children start, and where the last one's end."""
    if num_ngrams[0] + int(child_counts.sum()) != sum(num_ngrams):
        raise ValueError("its n-grams have another number of children than there are")
    first_child = np.empty(len(child_counts) + 1, np.int32)
    first_child[0] = num_ngrams[0]
    np.cumsum(child_counts, out=first_child[1:])
    first_child[1:] += num_ngrams[0]
    return first_child


def _word_ids(
    deltas: NDArray[np.uint16], first_child: NDArray[np.int32], num_words: int
) -> NDArray[np.uint16]:
    """[N] all n-grams' last words, undoing the differences within runs of children.

    Everything is modulo MAX_WORDS, as unsigned integers of two bytes are.
    """
    word_ids = np.empty(num_words + len(deltas), np.uint16)
    word_ids[:num_words] = np.arange(num_words)
    longer = word_ids[num_words:]
    np.cumsum(deltas, out=longer)
    starts = _run_starts(first_child, num_words)
    longer += np.repeat(deltas[starts] - longer[starts], np.diff(starts, append=len(deltas)))
    return word_ids


def _run_starts(first_child: NDArray[np.int32], num_words: int) -> NDArray[np.int32]:
    """Where runs of children start that have any, counted from the first n-gram of two words."""
    has_children = _child_counts(first_child) > 0
    starts: NDArray[np.int32] = first_child[:-1][has_children] - num_words
    return starts


def _child_counts(first_child: NDArray[np.int32]) -> NDArray[np.int32]:
    counts: NDArray[np.int32] = first_child[1:] - first_child[:-1]
    return counts


def _by_planes(numbers: NDArray[np.integer]) -> bytes:
    halves = (numbers % MAX_WORDS).astype("<u2").view("u1").reshape(-1, 2)
    return halves.T.tobytes()


def _from_planes(section: bytes) -> NDArray[np.uint16]:
    planes = np.frombuffer(section, "u1").reshape(2, -1)
    return np.ascontiguousarray(planes.T).view("<u2").ravel()


def _array(section: bytes, dtype: str) -> NDArray[Any]:
    """A copy, so that it is aligned and, to the compiled code, like any other array."""
    return np.frombuffer(section, dtype).copy()
