"""Lexicons: their files, and what espeak-ng puts into them."""

import shutil
from argparse import Namespace
from pathlib import Path

import pytest

from tests.engine.ngram_samples import ngram_trie, write_ngram_file
from tests.training.tiny_run import write_corpus
from training import pronunciation
from training.pronunciation import (
    InvalidLexicon,
    phoneme_inventory,
    pronounce,
    read_lexicon,
    write_lexicon,
)

LEXICON = {"you": ("j", "u"), "hello": ("h", "@", "l", "oU")}

needs_espeak = pytest.mark.skipif(
    shutil.which("espeak-ng") is None, reason="espeak-ng is not installed"
)


def test_a_lexicon_is_read_as_it_was_written(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "lexicon.txt"
    write_lexicon(path, LEXICON)
    assert path.read_text() == "hello h @ l oU\nyou j u\n"
    assert read_lexicon(path) == LEXICON


@pytest.mark.parametrize("word", ["silent", ""])
def test_a_word_without_phonemes_is_named(tmp_path: Path, word: str) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_text(f"you j u\n{word}\nme m i\n")
    with pytest.raises(InvalidLexicon, match=rf"lexicon\.txt:2: '{word}'"):
        read_lexicon(path)


def test_the_inventory_has_each_phoneme_once_in_order() -> None:
    assert phoneme_inventory(LEXICON) == ("@", "h", "j", "l", "oU", "u")


def test_without_espeak_the_remedy_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pronunciation, "ESPEAK", ("no-such-program",))
    with pytest.raises(InvalidLexicon, match="not installed"):
        pronounce(["hello"])


@needs_espeak
def test_words_get_phonemes_without_stress() -> None:
    lexicon = pronounce(["through", "nation", "a", "nation"])
    assert lexicon == {
        "a": ("@",),
        "nation": ("n", "eI", "S", "@", "n"),
        "through": ("T", "r", "u"),
    }


@needs_espeak
def test_the_command_writes_every_word_of_a_manifest(tmp_path: Path) -> None:
    manifest, output = write_corpus(tmp_path), tmp_path / "lexicon.txt"
    assert pronunciation.run(Namespace(manifest=[manifest], lm=None, output=output)) == 0
    assert read_lexicon(output).keys() == {"hello", "you"}


def test_the_command_says_that_a_manifest_is_missing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    missing = Namespace(manifest=[tmp_path / "none.jsonl"], output=tmp_path / "lexicon.txt")
    assert pronunciation.run(missing) == 2
    assert "none.jsonl" in capsys.readouterr().err


def test_no_words_at_all_are_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    nothing = Namespace(manifest=[], lm=None, output=Path("lexicon.txt"))
    assert pronunciation.run(nothing) == 2
    assert "name manifests" in capsys.readouterr().err


@needs_espeak
def test_the_command_says_the_words_of_a_language_model(tmp_path: Path) -> None:
    model, output = tmp_path / "lm.bin", tmp_path / "lexicon.txt"
    trie = ngram_trie({("<unk>",): 0.2, ("hello",): 0.4, ("sea",): 0.4})
    write_ngram_file(trie, model)
    assert pronunciation.run(Namespace(manifest=[], lm=model, output=output)) == 0
    assert read_lexicon(output) == {"hello": ("h", "@", "l", "oU"), "sea": ("s", "i")}
