"""A bundle is read whole or refused with the reason."""

from pathlib import Path
from typing import Any

import pytest

from service.engine.bundle import ChunkFrames, StateSpec, load_bundle
from service.engine.errors import InvalidBundle
from tests.tiny_bundle import VOCABULARY, write_tiny_bundle


def test_a_bundle_is_read(tmp_path: Path) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path))
    assert bundle.name == "tiny"
    assert bundle.framing.samples_per_step == 16
    assert bundle.chunk_frames == ChunkFrames(live=4, bulk=16)
    assert bundle.vocabulary == tuple(VOCABULARY)
    assert bundle.state == (StateSpec("h", (4,), "float32"),)
    assert bundle.decoding.decoder == "greedy"


def test_a_folder_without_a_bundle_is_named_whole(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match=rf"{tmp_path} has no bundle\.json; name the folder"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"format": 2}, "format is 2"),
        ({"name": None}, "'name' is missing"),
        ({"version": 1}, "version is 1"),
        ({"sample_rate": "16k"}, "sample_rate is '16k'"),
        ({"sample_rate": True}, "sample_rate is True"),
        ({"samples_per_frame": 0}, "must be positive"),
        ({"lookahead_frames": 3}, "multiple of frames_per_step"),
        ({"chunk_frames": {"live": 4}}, "'bulk' is missing"),
        ({"chunk_frames": {"live": 3, "bulk": 16}}, "chunk_frames has 3"),
        ({"chunk_frames": {"live": 16, "bulk": 4}}, "bulk must be at least live"),
        ({"vocabulary": ["<blank>", " ", "a", "a"]}, "occurs twice"),
        ({"vocabulary": ["<blank>", "a", "b", "c"]}, "no space"),
        ({"vocabulary": ["<blank>", " ", "a", 3]}, "vocabulary must be symbols"),
        ({"blank_id": 4}, "blank_id 4"),
        ({"blank_id": True}, "blank_id is True"),
        ({"blank_id": 0.5}, "blank_id is 0.5"),
        ({"blank_id": 1}, "the blank is the space"),
        ({"state": [{"name": "h", "shape": [0], "dtype": "float32"}]}, r"'h' has the shape \[0\]"),
        ({"state": [{"name": "h", "shape": [4], "dtype": "float8"}]}, "'float8'"),
        ({"state": [{"name": "h", "shape": [4], "dtype": "float32"}] * 2}, "have one name"),
        ({"files": {"../model.onnx": "0"}}, "not a plain name"),
        ({"files": {"model\0.onnx": "0"}}, "not a plain name"),
        ({"phonemes": ["<blank>", "A", "A"]}, "phonemes must be different names"),
        ({"phonemes": ["<blank>", 1]}, "phonemes must be different names"),
        ({"phonemes": [str(number) for number in range(257)]}, "there are 257 phonemes"),
        ({"decoding": {"decoder": "magic", "beam_width": 1, "tuned_on": None}}, "'magic'"),
        ({"decoding": {"decoder": "beam", "beam_width": 0, "tuned_on": None}}, "beam_width is 0"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, changes: dict[str, Any], cause: str) -> None:
    folder = write_tiny_bundle(tmp_path, **changes)
    with pytest.raises(InvalidBundle, match=rf"bundle\.json is wrong: .*{cause}.*export"):
        load_bundle(folder)


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path)
    with (folder / "model.onnx").open("ab") as file:
        file.write(b"x")
    with pytest.raises(InvalidBundle, match=r"model\.onnx has SHA-256"):
        load_bundle(folder)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    folder = write_tiny_bundle(tmp_path, files={"model.int8.onnx": "0"})
    with pytest.raises(InvalidBundle, match=r"model\.int8\.onnx cannot be read"):
        load_bundle(folder)


@pytest.mark.parametrize(
    "text",
    [None, "{", "[]", "\xff", "[" * 100_000],
    ids=["none", "cut", "list", "latin", "deep"],
)
def test_a_description_that_cannot_be_read(tmp_path: Path, text: str | None) -> None:
    if text is not None:
        (tmp_path / "bundle.json").write_text(text, encoding="latin-1")
    with pytest.raises(InvalidBundle, match=r"bundle\.json"):
        load_bundle(tmp_path)
