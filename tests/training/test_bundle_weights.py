"""Reading back from a bundle what was exported to it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from service.engine.errors import InvalidBundle
from tests.training.test_corpora_command import longwave
from training.bundle_weights import model_of_bundle
from training.checkpoint import Checkpoint, Progress, save_checkpoint
from training.config import DataConfig, InvalidConfig, PhonemeConfig, RunConfig
from training.export import BundleIdentity, export
from training.half_storage import round_to_half
from training.initial_weights import initial_weights
from training.model import AcousticModel
from training.model_config import ModelConfig
from training.pronunciation import write_lexicon
from training.text import VOCABULARY

MODEL = ModelConfig(hidden_size=32, num_layers=2, conv_channels=4, lookahead_steps=2)


@pytest.mark.parametrize(
    "config",
    [
        MODEL,
        replace(MODEL, num_phonemes=5, phoneme_layer=1),
        replace(MODEL, num_phonemes=5, phoneme_layer=1, phoneme_output=True),
        replace(MODEL, cell="gru"),
        replace(MODEL, cell="rnn"),
    ],
    ids=["lstm", "phonemes", "phonemes-out", "gru", "rnn"],
)
def test_a_bundle_gives_back_its_weights(config: ModelConfig, tmp_path: Path) -> None:
    model = random_model(config, seed=0)
    bundle = write_bundle(model, tmp_path / "bundle")
    round_to_half(model)
    found = model_of_bundle(bundle)
    assert found.config == config
    torch.testing.assert_close(found.state_dict(), model.state_dict(), rtol=0.0, atol=1e-6)


def test_the_mean_of_a_checkpoint_and_a_bundle_is_exported(tmp_path: Path) -> None:
    models = [random_model(MODEL, seed) for seed in (0, 1)]
    bundle = write_bundle(models[1], tmp_path / "second")
    save_checkpoint(checkpoint_of(models[0], tmp_path), tmp_path / "first.pt")
    assert longwave("export", tmp_path / "first.pt", bundle, "--output", tmp_path / "mean") == 0
    mean = model_of_bundle(tmp_path / "mean").output.weight
    expected = sum(model.output.weight for model in models) / 2
    torch.testing.assert_close(mean, expected, rtol=1e-3, atol=1e-3)


@pytest.mark.parametrize(("commit", "num_warnings"), [("c" * 40, 0), (f"{'c' * 40}-dirty", 1)])
def test_a_commit_that_nobody_else_has_is_warned_of(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    commit: str,
    num_warnings: int,
) -> None:
    monkeypatch.setattr("training.export.git_commit", lambda: commit)
    save_checkpoint(checkpoint_of(random_model(MODEL, seed=0), tmp_path), tmp_path / "first.pt")
    assert longwave("export", tmp_path / "first.pt", "--output", tmp_path / "bundle") == 0
    assert capsys.readouterr().err.count(f"the bundle will name {commit}") == num_warnings


def test_a_run_that_goes_on_from_a_bundle_has_its_phonemes(tmp_path: Path) -> None:
    shape = replace(MODEL, num_phonemes=5, phoneme_layer=1, phoneme_output=True)
    bundle = write_bundle(random_model(shape, seed=0), tmp_path / "bundle")
    lexicon = tmp_path / "mine.txt"
    phonemes = PhonemeConfig(str(lexicon))
    run = RunConfig(DataConfig("none"), shape, phonemes=phonemes, initial_weights=str(bundle))
    write_lexicon(lexicon, {"hello": ("h", "@", "l", "oU"), "hole": ("h", "oU", "l")})
    assert initial_weights(run)
    write_lexicon(lexicon, {"hello": ("h", "@", "l", "o")})
    with pytest.raises(InvalidConfig, match=r"mine\.txt has other phonemes.*--lm .*lm\.bin"):
        initial_weights(run)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match="holds no model to go on from"):
        model_of_bundle(tmp_path)


def random_model(config: ModelConfig, seed: int) -> AcousticModel:
    torch.manual_seed(seed)
    model = AcousticModel(config)
    for tensor in model.state_dict().values():
        torch.nn.init.normal_(tensor, std=0.1)  # nothing is left at its default
    return model


def write_bundle(model: AcousticModel, folder: Path) -> Path:
    export(checkpoint_of(model, folder.parent), folder, BundleIdentity("bundle"), [])
    return folder


def checkpoint_of(model: AcousticModel, folder: Path) -> Checkpoint:
    lexicon = folder / "lexicon.txt"
    write_lexicon(lexicon, {"hello": ("h", "@", "l", "oU")})
    phonemes = PhonemeConfig(str(lexicon))
    run = RunConfig(DataConfig(manifest="none"), model.config, phonemes=phonemes)
    weights = model.state_dict()
    return Checkpoint(run, VOCABULARY, Progress(), weights, weights, {}, 1.0)
