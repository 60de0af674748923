"""Reading back from a bundle what was exported to it."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from service.engine.errors import InvalidBundle
from training.bundle_weights import model_of_bundle
from training.checkpoint import Checkpoint, Progress
from training.config import DataConfig, PhonemeConfig, RunConfig
from training.export import BundleIdentity, export
from training.half_storage import round_to_half
from training.model import AcousticModel, ModelConfig
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
    torch.manual_seed(0)
    model = AcousticModel(config)
    for tensor in model.state_dict().values():
        torch.nn.init.normal_(tensor, std=0.1)  # nothing is left at its default
    bundle = write_bundle(model, tmp_path / "bundle")
    round_to_half(model)
    found = model_of_bundle(bundle)
    assert found.config == config
    torch.testing.assert_close(found.state_dict(), model.state_dict(), rtol=0.0, atol=1e-6)


def test_what_is_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidBundle, match="holds no model to go on from"):
        model_of_bundle(tmp_path)


def write_bundle(model: AcousticModel, folder: Path) -> Path:
    lexicon = folder.parent / "lexicon.txt"
    write_lexicon(lexicon, {"hello": ("h", "@", "l", "oU")})
    phonemes = PhonemeConfig(str(lexicon))
    run = RunConfig(DataConfig(manifest="none"), model.config, phonemes=phonemes)
    weights = model.state_dict()
    checkpoint = Checkpoint(run, VOCABULARY, Progress(), weights, weights, {}, 1.0)
    export(checkpoint, folder, BundleIdentity("bundle"), [])
    return folder
