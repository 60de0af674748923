"""`longwave export`: what it leaves alone, and that the engine can read what it writes."""

from dataclasses import replace
from pathlib import Path

import pytest

from service.engine.bundle import load_bundle
from tests.training.test_bundle_weights import MODEL, checkpoint_of, random_model, write_bundle
from tests.training.test_corpora_command import longwave
from training.checkpoint import save_checkpoint


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    path = tmp_path / "last.pt"
    save_checkpoint(checkpoint_of(random_model(MODEL, seed=0), tmp_path), path)
    return path


@pytest.mark.parametrize("output", ["mine", "mine/notes.txt"])
def test_what_is_no_bundle_is_not_replaced(
    checkpoint: Path, output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    notes = checkpoint.parent / "mine" / "notes.txt"
    notes.parent.mkdir()
    notes.write_text("mine")
    assert longwave("export", checkpoint, "--output", checkpoint.parent / output) == 1
    assert "is there and no bundle; name another folder" in capsys.readouterr().err
    assert notes.read_text() == "mine"


def test_a_bundle_stays_where_what_belongs_to_the_new_one_does_not_suit_it(
    checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = write_bundle(random_model(MODEL, seed=1), checkpoint.parent / "bundle")
    before = load_bundle(bundle)
    lexicon = checkpoint.parent / "lexicon.txt"
    assert longwave("export", checkpoint, "--output", bundle, "--lexicon", lexicon) == 1
    assert "phonemes of the model" in capsys.readouterr().err
    assert load_bundle(bundle) == before


def test_chunks_are_whole_steps_of_any_length(tmp_path: Path) -> None:
    model = random_model(replace(MODEL, frames_per_step=3), seed=0)
    chunk_frames = load_bundle(write_bundle(model, tmp_path / "bundle")).chunk_frames
    assert (chunk_frames.live, chunk_frames.bulk) == (9, 63)


def test_a_bundle_that_the_engine_could_not_read_is_not_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = random_model(replace(MODEL, lookahead_steps=0), seed=0)
    save_checkpoint(checkpoint_of(model, tmp_path), tmp_path / "last.pt")
    assert longwave("export", tmp_path / "last.pt", "--output", tmp_path / "bundle") == 1
    assert "lookahead" in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


def test_the_licence_is_what_was_said(checkpoint: Path) -> None:
    output = checkpoint.parent / "bundle"
    assert longwave("export", checkpoint, "--output", output, "--licence", "mine alone") == 0
    assert load_bundle(output).licence == "mine alone"
    assert longwave("export", checkpoint, "--output", output) == 0
    assert load_bundle(output).licence == "CC-BY-SA-4.0"
