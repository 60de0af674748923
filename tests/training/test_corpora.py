"""The readers, on the smallest tree of each format."""

import json
from pathlib import Path

import pytest

from training.corpora import READERS, Candidate, InvalidCorpus
from training.corpora.common_voice import read_common_voice
from training.corpora.librispeech import read_librispeech
from training.corpora.ljspeech import read_ljspeech
from training.corpora.plain import read_plain


def write(path: Path, *lines: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


@pytest.mark.parametrize("name", READERS)
def test_a_folder_without_the_corpus_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InvalidCorpus):
        list(READERS[name](tmp_path))


def test_plain_folder(tmp_path: Path) -> None:
    folder = tmp_path / "mine"
    full = {"audio_filepath": "a.ogg", "text": "Hi", "speaker": "ann", "split": "dev", "age": "6"}
    write(folder / "manifest.jsonl", json.dumps(full), '{"audio_filepath": "b.ogg", "text": "Yo"}')
    assert list(read_plain(folder)) == [
        Candidate(folder / "a.ogg", "Hi", "mine", "ann", "dev"),
        Candidate(folder / "b.ogg", "Yo", "mine", "", "train"),
    ]


def test_folder_of_plain_folders(tmp_path: Path) -> None:
    for name in ("b", "a"):
        write(tmp_path / name / "manifest.jsonl", '{"audio_filepath": "x.wav", "text": "hi"}')
    assert [candidate.corpus for candidate in read_plain(tmp_path)] == ["a", "b"]


@pytest.mark.parametrize(
    "line",
    [
        "{",
        "[1]",
        '{"text": "no audio"}',
        '{"audio_filepath": "a.wav"}',
        '{"audio_filepath": "a.wav", "text": null}',
    ],
)
def test_a_malformed_plain_line_is_named(tmp_path: Path, line: str) -> None:
    write(tmp_path / "manifest.jsonl", line)
    with pytest.raises(InvalidCorpus, match=r"manifest\.jsonl:1: "):
        list(read_plain(tmp_path))


def test_librispeech_tree(tmp_path: Path) -> None:
    train = tmp_path / "train-clean-100" / "103" / "1240"
    test = tmp_path / "test-clean" / "61" / "70"
    write(train / "103-1240.trans.txt", "103-1240-0000 CHAPTER ONE", "103-1240-0001 IT'S SO")
    write(test / "61-70.trans.txt", "61-70-0000 HE BEGAN")
    speaker = "librispeech-103"
    assert list(read_librispeech(tmp_path)) == [
        Candidate(test / "61-70-0000.flac", "HE BEGAN", "librispeech", "librispeech-61", "test"),
        Candidate(train / "103-1240-0000.flac", "CHAPTER ONE", "librispeech", speaker, "train"),
        Candidate(train / "103-1240-0001.flac", "IT'S SO", "librispeech", speaker, "train"),
    ]


def test_librispeech_subset_knows_its_split(tmp_path: Path) -> None:
    subset = tmp_path / "dev-other"
    write(subset / "1" / "2" / "1-2.trans.txt", "1-2-0000 YES")
    assert [candidate.split for candidate in read_librispeech(subset)] == ["dev"]


def test_ljspeech_prefers_the_text_with_numbers_spelled_out(tmp_path: Path) -> None:
    write(tmp_path / "metadata.csv", 'LJ1|In 1465, "x"|In fourteen sixty-five, "x"', "LJ2|Plain")
    assert list(read_ljspeech(tmp_path)) == [
        Candidate(
            tmp_path / "wavs" / "LJ1.wav",
            'In fourteen sixty-five, "x"',
            "ljspeech",
            "ljspeech",
            "train",
        ),
        Candidate(tmp_path / "wavs" / "LJ2.wav", "Plain", "ljspeech", "ljspeech", "train"),
    ]


def test_ljspeech_line_without_text_is_named(tmp_path: Path) -> None:
    write(tmp_path / "metadata.csv", "LJ1|text", "LJ2")
    with pytest.raises(InvalidCorpus, match=r"metadata\.csv:2: "):
        list(read_ljspeech(tmp_path))


COLUMNS = "client_id\tpath\tsentence\tup_votes"


def test_common_voice_takes_validated_clips_of_new_speakers_for_training(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", COLUMNS, 'ann\t1.mp3\tShe said "yes.\t2')
    write(tmp_path / "dev.tsv", COLUMNS, "bob\t2.mp3\tTwo\t2")
    write(tmp_path / "test.tsv", COLUMNS, "cat\t3.mp3\tThree\t2")
    rows = ["ann\t1.mp3\tShe\t2", "bob\t6.mp3\tLeak\t2", "dan\t7.mp3\tSeven\t2"]
    write(tmp_path / "validated.tsv", COLUMNS, *rows)
    found = [
        (candidate.audio.name, candidate.raw_text, candidate.speaker, candidate.split)
        for candidate in read_common_voice(tmp_path)
    ]
    assert found == [
        ("1.mp3", 'She said "yes.', "common_voice-ann", "train"),
        ("2.mp3", "Two", "common_voice-bob", "dev"),
        ("3.mp3", "Three", "common_voice-cat", "test"),
        ("7.mp3", "Seven", "common_voice-dan", "train"),
    ]


def test_common_voice_names_a_missing_column(tmp_path: Path) -> None:
    write(tmp_path / "train.tsv", "client_id\tpath", "ann\t1.mp3")
    with pytest.raises(InvalidCorpus, match="no column sentence"):
        list(read_common_voice(tmp_path))
