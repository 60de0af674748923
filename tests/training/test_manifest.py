"""The manifest: what is written is what is read, wherever the folder moves."""

import json
import shutil
from pathlib import Path

import pytest

from training.manifest import InvalidManifest, Utterance, read_manifest, write_manifest


def utterance(audio: Path) -> Utterance:
    return Utterance(audio, 1.5, "five cafes", "5 cafés", "corpus", "speaker", "dev")


def test_round_trip(tmp_path: Path) -> None:
    written = [utterance(tmp_path / "a.wav"), utterance(tmp_path / "deep" / "b.wav")]
    write_manifest(tmp_path / "new" / "manifest.jsonl", written)
    assert read_manifest(tmp_path / "new" / "manifest.jsonl") == written


def test_manifest_and_audio_move_together(tmp_path: Path) -> None:
    write_manifest(tmp_path / "old" / "manifest.jsonl", [utterance(tmp_path / "old" / "a.wav")])
    shutil.move(tmp_path / "old", tmp_path / "moved")
    (moved,) = read_manifest(tmp_path / "moved" / "manifest.jsonl")
    assert moved.audio == tmp_path / "moved" / "a.wav"


def test_writing_leaves_nothing_else_behind(tmp_path: Path) -> None:
    write_manifest(tmp_path / "manifest.jsonl", [utterance(tmp_path / "a.wav")])
    write_manifest(tmp_path / "manifest.jsonl", [])
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.jsonl"]
    assert read_manifest(tmp_path / "manifest.jsonl") == []


def test_a_plain_manifest_is_read_and_normalised(tmp_path: Path) -> None:
    manifest = tmp_path / "manifest.jsonl"
    line = json.dumps({"audio_filepath": "a.wav", "duration": 2, "text": "Mr. 5"})
    manifest.write_text(f"{line}\n\n", encoding="utf-8")
    assert read_manifest(manifest) == [
        Utterance(tmp_path / "a.wav", 2.0, "mister five", "Mr. 5", tmp_path.name, "", "train")
    ]


@pytest.mark.parametrize(
    "line",
    [
        "not json",
        "[]",
        '{"duration": 1, "text": "a"}',
        '{"audio_filepath": "a", "duration": "long", "text": "a"}',
        '{"audio_filepath": "a", "duration": 1, "text": 5}',
        '{"audio_filepath": "a", "duration": 0, "text": "a"}',
        '{"audio_filepath": "a", "duration": NaN, "text": "a"}',
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str) -> None:
    manifest = tmp_path / "manifest.jsonl"
    manifest.write_text(f"\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidManifest, match=r"manifest\.jsonl:2: "):
        read_manifest(manifest)
