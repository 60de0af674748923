"""Configurations: everything that is wrong is named."""

import dataclasses
from pathlib import Path

import pytest

from training.config import InvalidConfig, RunConfig, parse_config, read_config

MINIMAL = '[data]\nmanifest = "m.jsonl"\n'
SHIPPED = sorted((Path(__file__).parents[2] / "training" / "configs").glob("*.toml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_shipped_configurations_are_valid(path: Path) -> None:
    assert read_config(path).data.manifest


def test_round_trip_through_a_dictionary(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(MINIMAL + "[model.frontend]\nnum_mel_bins = 40\n[optimiser]\nlearning_rate=1\n")
    config = read_config(path)
    assert config.model.frontend.num_mel_bins == 40
    assert config.optimiser.learning_rate == 1.0
    assert parse_config(RunConfig, dataclasses.asdict(config)) == config


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (MINIMAL + "[model]\nhiden_size = 3", r"unknown key model\.hiden_size; .*hidden_size"),
        (MINIMAL + "[model]\nhidden_size = '3'", r"model\.hidden_size is '3'.*int"),
        (MINIMAL + "[model]\nhidden_size = true", r"model\.hidden_size is True.*int"),
        ("epochs = 3", "data"),
        ("data = 3", "data must be a table"),
        (MINIMAL + "[model]\ncell = 'cnn'", "cell is 'cnn'"),
        (MINIMAL + "[augment]\nsplice_probability = 0.5", "augment: .*longwave align"),
        (MINIMAL + "[augment]\nnoise_probability = 0.5", "augment: .*noise_folder"),
        (MINIMAL + "[augment]\nmu_law_probability = 1.5", "mu_law_probability is 1.5"),
        (MINIMAL + "[optimiser]\nlearning_rate = nan", "learning_rate is nan"),
        (MINIMAL + "[model]\nnum_phonemes = 30", r"num_phonemes .*longwave pronounce"),
        (MINIMAL + "[model]\nvocabulary_size = 30", "vocabulary_size is 30"),
        (MINIMAL + "[model]\nlookahead_steps = -1", "lookahead_steps is -1"),
        (MINIMAL + "[model.frontend]\nnum_mel_bins = 42", "num_mel_bins must be a multiple of 4"),
        (MINIMAL + "repeats = { mine = -1 }", r"repeats\.mine is -1"),
        (MINIMAL + "repeats = { mine = 'often' }", r"data\.repeats\.mine is 'often'.*int"),
        ("precision = 'int8'\n" + MINIMAL, "precision is 'int8'; .* bfloat16"),
        ("epochs = 0\n" + MINIMAL, "epochs is 0"),
        ("= 3", r"run\.toml"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.toml"
    path.write_text(text)
    with pytest.raises(InvalidConfig, match=message):
        read_config(path)
