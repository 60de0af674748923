"""What a run is prepared from: what cannot be used is named before training begins."""

from dataclasses import replace
from pathlib import Path

import pytest
import soundfile

from service.engine.errors import InvalidAudio
from tests.training.tiny_run import SAMPLE_RATE, spoken, tiny_config, write_corpus
from training.config import InvalidConfig, RunConfig
from training.preparation import load_corpus, load_noises


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    write_corpus(tmp_path)
    return tiny_config(tmp_path, epochs=1)


def test_a_recording_that_is_no_audio_is_named(config: RunConfig, tmp_path: Path) -> None:
    (tmp_path / "hello.wav").write_bytes(b"not audio")
    with pytest.raises(InvalidAudio, match=r"hello\.wav: "):
        load_corpus(config, "train")


def test_noise_may_be_in_any_file_that_an_evaluation_reads(
    config: RunConfig, tmp_path: Path
) -> None:
    folder = tmp_path / "noise"
    folder.mkdir()
    noisy = replace(config, augment=replace(config.augment, noise_folder=str(folder)))
    with pytest.raises(InvalidConfig, match=r"augment\.noise_folder: .* holds no recordings"):
        load_noises(noisy)
    soundfile.write(folder / "A.WAV", spoken(), SAMPLE_RATE)
    soundfile.write(folder / "b.mp3", spoken(), SAMPLE_RATE)
    assert len(load_noises(noisy)) == 2
