"""`longwave corpora` as a user runs it."""

import argparse
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile

from training import cli
from training.corpora.merge import report_path
from training.manifest import read_manifest


def longwave(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers(required=True))
    arguments = parser.parse_args([str(word) for word in words])
    code = arguments.func(arguments)
    assert isinstance(code, int)
    return code


@pytest.fixture
def corpora(tmp_path: Path) -> Path:
    """A plain corpus and an LJSpeech, with one bad recording in each."""
    plain, wavs = tmp_path / "plain", tmp_path / "lj" / "wavs"
    plain.mkdir()
    wavs.mkdir(parents=True)
    for audio in (plain / "a.wav", wavs / "LJ1.wav", wavs / "LJ2.wav"):
        soundfile.write(audio, np.zeros(16000, np.float32), 16000)
    items = [
        {"audio_filepath": "a.wav", "text": "Room 5", "split": "dev"},
        {"audio_filepath": "none.wav", "text": "Gone"},
    ]
    lines = "".join(f"{json.dumps(item)}\n" for item in items)
    (plain / "manifest.jsonl").write_text(lines, encoding="utf-8")
    (tmp_path / "lj" / "metadata.csv").write_text("LJ1|Yes.|Yes.\nLJ2|...|...\n", encoding="utf-8")
    return tmp_path


def test_corpora_are_merged(corpora: Path) -> None:
    output = corpora / "merged" / "manifest.jsonl"
    folders = ("--plain", corpora / "plain", "--ljspeech", corpora / "lj")
    assert longwave("corpora", *folders, "--output", output) == 0
    found = [
        (utterance.audio, utterance.text, utterance.corpus, utterance.split)
        for utterance in read_manifest(output)
    ]
    assert found == [
        (corpora / "plain" / "a.wav", "room five", "plain", "dev"),
        (corpora / "lj" / "wavs" / "LJ1.wav", "yes", "ljspeech", "train"),
    ]


def test_what_is_left_out_is_reported(corpora: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = corpora / "manifest.jsonl"
    longwave(
        "corpora", "--plain", corpora / "plain", "--ljspeech", corpora / "lj", "--output", output
    )
    report = json.loads(report_path(output).read_text(encoding="utf-8"))
    assert {cause: count for cause, count in report["left_out_by_cause"].items() if count} == {
        "missing": 1,
        "empty text": 1,
    }
    assert [item["cause"] for item in report["left_out"]] == ["missing", "empty text"]
    assert report["utterances"][1] == {
        "corpus": "plain",
        "split": "dev",
        "utterances": 1,
        "hours": 0.0003,
    }
    table = capsys.readouterr().err
    assert "missing" in table
    assert "ljspeech" in table


def test_a_merged_manifest_is_a_plain_corpus(corpora: Path) -> None:
    first, second = corpora / "one" / "manifest.jsonl", corpora / "two" / "manifest.jsonl"
    longwave("corpora", "--plain", corpora / "plain", "--output", first)
    assert longwave("corpora", "--plain", first.parent, "--output", second) == 0
    assert read_manifest(second) == read_manifest(first)


def test_limits_are_options(corpora: Path) -> None:
    output = corpora / "manifest.jsonl"
    options = ("--plain", corpora / "plain", "--max-duration-s", "0.5", "--output", output)
    assert longwave("corpora", *options) == 2
    report = json.loads(report_path(output).read_text(encoding="utf-8"))
    assert report["left_out_by_cause"]["too long"] == 1


def test_a_manifest_stays_where_nothing_is_found(
    corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = corpora / "manifest.jsonl"
    wanted = ("corpora", "--plain", corpora / "plain", "--output", output)
    assert longwave(*wanted) == 0
    before = output.read_bytes()
    assert longwave(*wanted, "--min-duration-s", "9") == 2
    assert "no utterance was found" in capsys.readouterr().err
    assert longwave("corpora", "--output", output) == 2
    assert "name a folder: --plain DIR" in capsys.readouterr().err
    assert output.read_bytes() == before


def test_a_manifest_that_cannot_be_written_is_named(
    corpora: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = corpora / "plain" / "a.wav" / "manifest.jsonl"
    assert longwave("corpora", "--plain", corpora / "plain", "--output", output) == 2
    assert "a.wav" in capsys.readouterr().err


def test_a_folder_without_a_corpus_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "manifest.jsonl"
    assert longwave("corpora", "--librispeech", tmp_path, "--output", output) == 2
    assert str(tmp_path) in capsys.readouterr().err
    assert not output.exists()
