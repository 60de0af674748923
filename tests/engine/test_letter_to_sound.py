"""Saying words by rule."""

from pathlib import Path

import pytest

from service.engine.errors import InvalidBundle
from service.engine.letter_to_sound import read_rules, say

PHONEMES = ("<blank>", "A", "S", "s", "h")
RULES = {"s": (3,), "sh": (2,), "h": (4,), "h_s": (), "a": (1,)}
"""An h at the end after an s says nothing."""


def test_the_rule_that_looks_at_most_letters_decides() -> None:
    assert say(RULES, "sa") == (3, 1)
    assert say(RULES, "ash") == (1, 2)
    assert say(RULES, "ah") == (1, 4)


def test_a_word_with_a_letter_that_no_rule_is_about_is_not_said() -> None:
    assert say(RULES, "sax") == ()
    assert say(RULES, "") == ()


def test_a_line_is_letters_and_their_phonemes(tmp_path: Path) -> None:
    path = tmp_path / "rules.txt"
    path.write_text("a A\nsh S\nh_s\n", encoding="utf-8")
    assert read_rules(path, PHONEMES) == {"a": b"\1", "sh": b"\2", "h_s": b""}


@pytest.mark.parametrize("text", ["a A\na S\n", "a A\nb X\n", "a A\n\n", "a A\nabcdefghijk A\n"])
def test_a_line_that_is_wrong_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "rules.txt"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidBundle, match=r"rules\.txt, line 2: .* must be 1 to 10 letters"):
        read_rules(path, PHONEMES)


@pytest.mark.parametrize("content", [None, b"a \xff"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "rules.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidBundle, match="the letter-to-sound rules cannot be read"):
        read_rules(path, PHONEMES)
