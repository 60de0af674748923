"""Which sentences are taken from texts to be spoken."""

import lzma
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.synthesis.coverage import Excluded, TextGroup, choose, cover
from training.synthesis.sentences import SentenceLimits, read_lines, sentences
from training.text import normalise, unspoken


@pytest.mark.parametrize(
    ("line", "spoken"),
    [
        ("I'll come, he said. Will you?  Yes, do!", ["i'll come, he said", "will you", "yes, do"]),
        ("Mr. Smith met J. R. Hart.", ["mister smith met j r hart"]),
        ("It cost $1,200, or so; never mind", [
            "it cost one thousand two hundred dollars, or so", "never mind",
        ]),
        ("He saw\N{EM DASH}far off -- a sail", ["he saw", "far off", "a sail"]),
        ("Hello", []),
        ("Read chapter XIV now", []),
        ("Try the nth time", []),
        ("Mix it, i say", ["mix it, i say"]),
        ("Open \N{GREEK SMALL LETTER ALPHA} now", []),
    ],
)  # fmt: skip
def test_a_line_is_parted_into_what_can_be_spoken(line: str, spoken: list[str]) -> None:
    assert list(sentences(line, SentenceLimits())) == spoken


def test_a_long_sentence_is_parted_at_commas_and_else_evenly() -> None:
    limits = SentenceLimits(max_words=4)
    assert list(sentences("one two three, four five, six", limits)) == [
        "one two three",
        "four five, six",
    ]
    assert list(sentences("oh no no no no no", limits)) == ["oh no no", "no no no"]


@given(st.text())
def test_every_sentence_has_a_transcript_and_keeps_the_limits(line: str) -> None:
    for sentence in sentences(line, SentenceLimits(2, 5)):
        words = normalise(sentence).split()
        assert 2 <= len(words) <= 5
        assert sentence.replace(",", "").split() == words
        assert not unspoken(sentence)


def test_compressed_texts_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.txt.xz"
    path.write_bytes(lzma.compress(b"one\ntwo"))
    assert read_lines(path) == ["one", "two"]
    for damaged in (b"not xz", lzma.compress(b"one\ntwo")[:-1], lzma.compress(b"\xff")):
        path.write_bytes(damaged)
        with pytest.raises(OSError, match=r"a\.txt\.xz"):
            read_lines(path)


def test_coverage_prefers_words_not_said_yet() -> None:
    pool = ["the cat", "the dog", "the the", "the cat", "the dog"]
    assert Counter(cover(pool, 4)) == {"the cat": 1, "the dog": 1}
    assert cover(pool, 2, spoken=["the cat"]) == ["the dog"]


def test_coverage_does_not_chase_words_that_stand_once() -> None:
    assert cover(["go home", "xqzzy vorp", "go home now"], 2) == ["go home"]


def test_the_best_sentence_is_found_as_if_all_were_looked_at() -> None:
    pool = [f"w{a} w{b} w{c}" for a in range(4) for b in range(3) for c in range(2)]
    said: Counter[str] = Counter()
    for sentence in cover(pool, 30):
        gains = {
            other: sum((1 + said[word]) ** -0.5 for word in set(other.split())) for other in pool
        }
        assert gains[sentence] == pytest.approx(max(gains.values()))
        said.update(sentence.split())
        pool.remove(sentence)


@pytest.fixture
def texts(tmp_path: Path) -> tuple[Path, Path]:
    plain, compressed = tmp_path / "novel.txt", tmp_path / "talk.txt.xz"
    plain.write_text("".join(f"Chapter {n} was long.\n" for n in range(200)), encoding="utf-8")
    talk = "".join(f"Play song {n} please.\n" for n in range(200))
    compressed.write_bytes(lzma.compress(talk.encode()))
    return plain, compressed


def test_groups_get_their_shares(texts: tuple[Path, Path]) -> None:
    novel, talk = texts
    chosen = choose([TextGroup(1, (novel,)), TextGroup(3, (talk,))], 400, Excluded(), seed=1)
    words = Counter({"chapter": 0, "play": 0})
    for sentence in chosen:
        words[sentence.split()[0]] += len(sentence.split())
    assert words["chapter"] == pytest.approx(100, abs=12)
    assert words["play"] == pytest.approx(300, abs=12)


def test_a_seed_gives_the_same_sentences(texts: tuple[Path, Path]) -> None:
    groups = [TextGroup(1, texts)]
    assert choose(groups, 100, Excluded(), 1) == choose(groups, 100, Excluded(), 1)
    assert choose(groups, 100, Excluded(), 1) != choose(groups, 100, Excluded(), 2)


def test_passages_of_measured_texts_are_never_chosen(tmp_path: Path) -> None:
    text = tmp_path / "a.txt"
    text.write_text("Well, we all went down to the sea, he said.\nWe went home.\n", "utf-8")
    excluded = Excluded.of(["so we all went down to the shore"])
    assert choose([TextGroup(1, (text,))], 50, excluded, 0) == ["we went home"]
