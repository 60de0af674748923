"""Reading lexicons and the trie of what they say."""

from pathlib import Path

import numpy as np
import pytest

from service.engine.errors import InvalidBundle
from service.engine.lexicon import build_pronunciations, extend_pronunciations, read_lexicon
from service.engine.tries import NOWHERE, ROOT

PHONEMES = ("<blank>", "A", "B", "C")


def test_a_line_is_a_word_and_its_phonemes(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text("bad B A\nit's C\n", encoding="utf-8")
    assert read_lexicon(path, PHONEMES) == {"bad": b"\2\1", "it's": b"\3"}


@pytest.mark.parametrize(
    "text",
    [
        "bad B A\nworse\n",
        "bad B X\n",
        "bad <blank> B\n",
        "bad B\nbad A\n",
        "bad B\n\nit C\n",
    ],
)
def test_a_line_that_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidBundle, match=r"lexicon\.txt, line [12]: .* must be a new word"):
        read_lexicon(path, PHONEMES)


@pytest.mark.parametrize("content", [None, b"bad \xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "lexicon.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidBundle, match="the lexicon cannot be read"):
        read_lexicon(path, PHONEMES)


def test_words_that_sound_alike_share_a_pronunciation() -> None:
    lexicon = {"see": b"\1\2", "sea": b"\1\2", "be": b"\3\2", "unknown": b"\1"}
    words, values = ["see", "silent", "be", "sea"], np.log([0.1, 0.5, 0.3, 0.2])
    said = build_pronunciations(lexicon, words, values, len(PHONEMES))
    assert said.first_nodes[0] == said.first_nodes[2] == NOWHERE
    node = said.first_nodes[1]
    assert said.trie[node]["end"] == NOWHERE
    assert said.trie[node]["best"] == pytest.approx(np.log(0.2))
    end = said.trie[said.trie[node]["first_child"]]["end"]
    assert said.words[said.first_word[end] : said.first_word[end + 1]].tolist() == [0, 3]
    assert said.trie[ROOT]["best"] == pytest.approx(np.log(0.3))


def test_more_words_are_said_as_if_they_had_been_there() -> None:
    lexicon = {"see": b"\1\2", "be": b"\3\2", "sea": b"\1\2", "a": b"\2"}
    words, values = ["see", "be", "sea", "a"], np.log([0.3, 0.2, 0.1, 0.1])
    whole = build_pronunciations(lexicon, words, values, len(PHONEMES))
    said = build_pronunciations(lexicon, words[:2], values[:2], len(PHONEMES))
    extended = extend_pronunciations(said, {2: (1, 2), 3: (2,)}, float(np.log(0.1)))
    for part, expected in zip(extended, whole, strict=True):
        assert np.array_equal(part, expected)
    assert said.words.tolist() == [0, 1]
