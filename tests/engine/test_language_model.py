"""The language model's file and its scores, against a dictionary of n-grams."""

import math
import struct
from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from service.engine.errors import InvalidBundle
from service.engine.language_model import LanguageModel, ShallowFusion, load_language_model
from service.engine.ngram_file import (
    MAGIC,
    VERSION,
    InvalidNgramFile,
    NgramTrie,
    encode_ngram_file,
    read_ngram_file,
)
from tests.engine.ngram_samples import ngram_trie, reference_score, write_ngram_file
from training.ngram_quantisation import quantise

SYMBOLS = ("<blank>", " ", "'", "a", "b", "c")
PROBABILITIES = {
    ("<unk>",): 0.05,
    ("</s>",): 0.05,
    ("a",): 0.5,
    ("b",): 0.3,
    ("ab",): 0.1,
    ("<s>", "b"): 0.7,
    ("a", "a"): 0.2,
    ("a", "b"): 0.6,
    ("b", "a"): 0.25,
    ("<unk>", "a"): 0.15,
    ("<s>", "b", "a"): 0.35,
    ("a", "b", "a"): 0.45,
    ("a", "b", "b"): 0.55,
    ("<s>", "b", "a", "ab"): 0.65,
}
BACKOFFS = {("<s>",): 0.9, ("a",): 0.8, ("b",): 0.7, ("a", "b"): 0.6, ("<s>", "b", "a"): 0.5}


@pytest.fixture
def trie() -> NgramTrie:
    return ngram_trie(PROBABILITIES, BACKOFFS)


def test_scores_are_those_of_the_ngrams(trie: NgramTrie) -> None:
    model = LanguageModel(trie, SYMBOLS)
    for words in product(("a", "b", "ab", "cc"), repeat=5):
        state, history = model.start(), ["<s>"]
        for word in words:
            log_prob, state = model.score(state, word)
            history.append(word if model.knows(word) else "<unk>")
            expected = reference_score(PROBABILITIES, BACKOFFS, tuple(history[-4:]))
            assert log_prob == pytest.approx(expected, abs=1e-5), history


def test_a_file_gives_back_what_was_written(trie: NgramTrie, tmp_path: Path) -> None:
    write_ngram_file(trie, tmp_path / "lm.bin")
    found = read_ngram_file(tmp_path / "lm.bin")
    assert found.vocabulary == trie.vocabulary
    assert found.num_ngrams == trie.num_ngrams == (6, 5, 3, 1)
    for name in ("first_child", "word_ids", "log_prob_codes", "backoff_codes", "codebooks"):
        np.testing.assert_array_equal(getattr(found, name), getattr(trie, name))


def test_word_numbers_of_two_bytes_survive(tmp_path: Path) -> None:
    words = ["".join(letters) for letters in product("abcdefghij", repeat=3)]
    probabilities: dict[tuple[str, ...], float] = {(word,): 1e-4 for word in words}
    probabilities |= {("aaa", word): 1e-3 for word in words[::7]}
    trie = ngram_trie(probabilities | {("jjj", "jji"): 0.1, ("jjj", "jjj"): 0.2})
    write_ngram_file(trie, tmp_path / "lm.bin")
    found = read_ngram_file(tmp_path / "lm.bin")
    np.testing.assert_array_equal(found.word_ids, trie.word_ids)
    assert found.word_ids.max() > 900


@pytest.mark.parametrize("place", [0, 4, 12, 60, -1])
def test_a_damaged_file_is_refused(trie: NgramTrie, tmp_path: Path, place: int) -> None:
    content = bytearray(encode_ngram_file(trie))
    content[place] ^= 0xFF
    path = tmp_path / "lm.bin"
    path.write_bytes(content)
    with pytest.raises(InvalidBundle, match=r"cannot be used.*build it again"):
        load_language_model(path, SYMBOLS)


@pytest.mark.parametrize("length", [0, 5, 200])
def test_a_file_that_was_cut_is_refused(trie: NgramTrie, tmp_path: Path, length: int) -> None:
    path = tmp_path / "lm.bin"
    path.write_bytes(encode_ngram_file(trie)[:length])
    with pytest.raises(InvalidBundle, match="no language model"):
        load_language_model(path, SYMBOLS)


@pytest.mark.parametrize(
    "header",
    [
        '{"num_ngrams": [1e400], "sections": {}}',
        '{"num_ngrams": [1099511627776, -1099511627776], "sections": {}}',
        '{"num_ngrams": [6], "sections": []}',
        "[" * 100_000,
    ],
    ids=["endless", "huge", "a list", "deep"],
)
def test_a_header_that_makes_no_sense_is_refused(tmp_path: Path, header: str) -> None:
    path = tmp_path / "lm.bin"
    path.write_bytes(struct.pack("<4sHI", MAGIC, VERSION, len(header)) + header.encode())
    with pytest.raises(InvalidBundle, match="no language model"):
        load_language_model(path, SYMBOLS)


def test_parts_that_would_lead_compiled_code_astray_are_refused(
    trie: NgramTrie, tmp_path: Path
) -> None:
    num_words, total = trie.num_ngrams[0], sum(trie.num_ngrams)
    negative = replace(  # three n-grams have children, though there are six words
        trie,
        num_ngrams=(num_words, -2, -1, total - 3),
        first_child=np.linspace(num_words, total, 4, dtype=np.int32),
        backoff_codes=trie.backoff_codes[:3],
    )
    infinite = replace(trie, codebooks=np.full_like(trie.codebooks, -np.inf))
    twice = replace(trie, vocabulary=(*trie.vocabulary[:-1], "a"))
    nameless = replace(trie, vocabulary=(*trie.vocabulary[:-1], ""))
    for damaged in (negative, infinite, twice, nameless):
        write_ngram_file(damaged, tmp_path / "lm.bin")
        with pytest.raises(InvalidNgramFile):
            read_ngram_file(tmp_path / "lm.bin")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match=r"nowhere\.bin"):
        load_language_model(tmp_path / "nowhere.bin", SYMBOLS)


def test_letters_that_the_acoustic_model_lacks_are_named(trie: NgramTrie) -> None:
    with pytest.raises(ValueError, match="'b'"):
        LanguageModel(trie, ("<blank>", " ", "a"))


def test_unknown_words_cost_by_their_letters(trie: NgramTrie) -> None:
    fusion = ShallowFusion(LanguageModel(trie, SYMBOLS), 0.5, 0.25, oov_letter_log_prob=-2.0)
    start = fusion.language_model.start()
    score, _ = fusion.score(start, "cab")
    assert score == pytest.approx(0.5 * (math.log(0.9 * 0.05) - 2.0 * 3) + 0.25)


def test_few_values_are_quantised_exactly_and_many_closely() -> None:
    few = np.array([0.0, -1.5, -99.0, -1.5])
    codes, book = quantise(few)
    np.testing.assert_array_equal(book[codes], few)
    many = -np.random.default_rng(0).exponential(size=10_000)
    many[::3] = 0.0
    codes, book = quantise(many)
    assert len(book) <= 256
    np.testing.assert_array_equal(book[codes][::3], 0.0)
    assert np.abs(book[codes] - many).mean() < 0.01
