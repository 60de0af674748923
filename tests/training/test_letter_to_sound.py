"""Rules that are learned from a lexicon."""

import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from service.engine.bundle import RULES, load_bundle
from training import letter_to_sound
from training.letter_to_sound import align, learn_rules, share_right
from training.pronunciation import Pronunciation, write_lexicon

SHIPPED = Path(__file__).parents[2] / "models" / "en"
VOWELS = "aeiou"
LEXICON: dict[str, Pronunciation] = {
    word: tuple(word.replace("sh", "S").translate(str.maketrans(VOWELS, VOWELS.upper())))
    for word in (a + b + c for a in ("sh", "s", "t", "n") for b in VOWELS for c in ("n", "sh", "t"))
}


def test_letters_get_the_phonemes_that_they_stand_for() -> None:
    short = {word: tuple(word) for word in ("at", "mat", "tap", "pat", "tot", "pot")}
    with_x = {w: tuple(w.replace("x", "ks")) for w in ("tax", "text", "next", "tent", "net")}
    alignments = align({**with_x, **short})
    assert alignments[0] == [("t", ("t",)), ("a", ("a",)), ("x", ("k", "s"))]


def test_words_with_more_phonemes_than_letters_can_have_are_left_out() -> None:
    assert align({"w": ("d", "V", "b"), "a": ("eI",)}) == [[("a", ("eI",))]]


def test_words_that_were_not_learned_from_are_said() -> None:
    assert share_right(LEXICON) == 1.0


def test_a_rule_is_kept_only_where_it_says_something_else() -> None:
    rules = learn_rules(LEXICON)
    assert rules["t"] == ("t",)
    assert not [letters for letters in rules if letters.startswith("t") and len(letters) > 1]


def test_the_command_puts_rules_into_a_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle, lexicon = tmp_path / "en", tmp_path / "lexicon.txt"
    shutil.copytree(SHIPPED, bundle)
    write_lexicon(lexicon, {"cat": ("k", "a", "t"), "act": ("a", "k", "t")})
    output = tmp_path / "rules.txt"
    assert letter_to_sound.run(Namespace(lexicon=lexicon, output=output, bundle=bundle)) == 0
    assert "c k\n" in output.read_text()
    assert (bundle / RULES).read_text() == output.read_text()
    assert RULES in load_bundle(bundle).files
    assert "rules from 2 words" in capsys.readouterr().out


def test_rules_that_the_model_has_no_phonemes_for_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lexicon = tmp_path / "lexicon.txt"
    write_lexicon(lexicon, {"cat": ("K", "Q", "T")})
    wanted = Namespace(lexicon=lexicon, output=tmp_path / "rules.txt", bundle=SHIPPED)
    assert letter_to_sound.run(wanted) == 2
    assert "phonemes of the model" in capsys.readouterr().err


def test_rules_are_written_in_order(tmp_path: Path) -> None:
    write_lexicon(tmp_path / "rules.txt", {"b": ("b",), "a": (), "ab": ("A", "b")})
    assert (tmp_path / "rules.txt").read_text() == "a\nab A b\nb b\n"
