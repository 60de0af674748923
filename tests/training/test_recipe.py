"""The recipe for all of LibriSpeech, unchanged but for its length, on slices of its layout."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from tests.training.test_corpora_command import longwave
from tests.training.tiny_run import SAMPLE_RATE, TEXT, spoken
from training.checkpoint import load_checkpoint
from training.config import RunConfig, read_config
from training.train import BEST, LAST, train

RECIPE = Path(__file__).parents[2] / "training" / "configs" / "librispeech-960.toml"
SPEECH = Path(__file__).parents[3] / "shared" / "speech"
SUBSETS = ("train-clean-100", "train-clean-360", "train-other-500", "dev-clean", "test-clean")


def write_chapter(folder: Path, recordings: list[tuple[Path, str]]) -> None:
    """A chapter of a LibriSpeech tree: flac files and their transcripts."""
    folder.mkdir(parents=True)
    speaker, chapter = folder.parent.name, folder.name
    lines = []
    for number, (audio, text) in enumerate(recordings):
        name = f"{speaker}-{chapter}-{number:04d}"
        waveform, sample_rate = soundfile.read(audio)
        soundfile.write(folder / f"{name}.flac", waveform, sample_rate)
        lines.append(f"{name} {text.upper()}\n")
    (folder / f"{speaker}-{chapter}.trans.txt").write_text("".join(lines), encoding="utf-8")


def train_one_epoch(folder: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    """What README says, in a folder that holds `LibriSpeech`; one epoch instead of many."""
    monkeypatch.chdir(folder)
    recipe = read_config(RECIPE)
    assert (
        longwave("corpora", "--librispeech", "LibriSpeech", "--output", recipe.data.manifest) == 0
    )
    config = replace(recipe, epochs=1)
    train(config, Path("runs/librispeech-960"))
    return config


def test_the_recipe_runs_on_the_layout_of_librispeech(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    audio = tmp_path / "spoken.wav"
    soundfile.write(audio, spoken(), SAMPLE_RATE)
    for number, subset in enumerate(SUBSETS):
        chapter = tmp_path / "LibriSpeech" / subset / str(100 + number) / "1"
        write_chapter(chapter, [(audio, TEXT)] * 2)
    config = train_one_epoch(tmp_path, monkeypatch)
    assert load_checkpoint(tmp_path / "runs" / "librispeech-960" / LAST).progress.step == 1
    best = load_checkpoint(tmp_path / "runs" / "librispeech-960" / BEST)
    assert best.config == config
    parameters = sum(tensor.numel() for tensor in best.model.values())
    assert 20e6 < parameters < 60e6  # a size for production


def test_the_recipe_runs_on_a_slice_of_librispeech(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = SPEECH / "librispeech" / "manifest.jsonl"
    if not manifest.exists():
        pytest.skip(f"real speech is not there: {manifest}")
    items = [json.loads(line) for line in manifest.read_text(encoding="utf-8").splitlines()]
    for subset, split in (("train-clean-100", "train"), ("dev-clean", "dev")):
        chosen = [item for item in items if item["split"] == split and item["duration"] < 6][:2]
        recordings = [(manifest.parent / item["audio_filepath"], item["text"]) for item in chosen]
        write_chapter(tmp_path / "LibriSpeech" / subset / "1" / "2", recordings)
    train_one_epoch(tmp_path, monkeypatch)
    assert load_checkpoint(tmp_path / "runs" / "librispeech-960" / LAST).progress.audio_s > 3
