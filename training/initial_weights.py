"""The weights that a run starts from, if they are those of another model."""

from dataclasses import replace
from pathlib import Path

from torch import Tensor, nn

from service.engine.bundle import LANGUAGE_MODEL, load_bundle
from training.bundle_weights import model_of_bundle
from training.checkpoint import averaged_model, load_checkpoint
from training.config import InvalidConfig, RunConfig
from training.model import AcousticModel
from training.pronunciation import phoneme_inventory, read_lexicon

LOOKAHEAD_WEIGHT = "lookahead.conv.weight"  # [H, 1, lookahead_steps + 1]
OUTPUT_PARAMETERS = ("output.weight", "output.bias")  # [frames_per_step * (V + P), ...]


def trained_model(path: Path) -> AcousticModel:
    """That of a bundle's folder, or the averaged one of a checkpoint.

    Raises InvalidBundle, InvalidCheckpoint and OSError.
    """
    return model_of_bundle(path) if path.is_dir() else averaged_model(load_checkpoint(path))


def initial_weights(config: RunConfig) -> dict[str, Tensor]:
    """The weights of a bundle, or the averaged ones of a checkpoint.

    The run may look further ahead or less far: weights of its lookahead are cut, or zeros follow.
    It may put out phonemes that the model it starts from did not: they start from zeros. Raises
    InvalidConfig where its model has another shape otherwise, or knows other phonemes than those of
    the run's lexicon.
    """
    start, wanted = Path(config.initial_weights), config.model
    model = trained_model(start)
    had = model.config
    comparable = replace(
        had,
        dropout=wanted.dropout,
        lookahead_steps=wanted.lookahead_steps,
        phoneme_output=had.phoneme_output or wanted.phoneme_output,
    )
    if comparable != wanted:
        raise InvalidConfig(f"{start} holds another model; to start from it, [model] must be its")
    if start.is_dir() and config.phonemes.lexicon:
        _check_phonemes(start, Path(config.phonemes.lexicon))
    weights = model.state_dict()
    num_more = wanted.lookahead_steps - had.lookahead_steps
    weights[LOOKAHEAD_WEIGHT] = nn.functional.pad(weights[LOOKAHEAD_WEIGHT], (0, num_more))
    num_more = sum(wanted.output_sizes) - sum(had.output_sizes)
    for name in OUTPUT_PARAMETERS:
        frames = weights[name].unflatten(0, (wanted.frames_per_step, -1))
        padding = (0, 0) * (frames.ndim - 2) + (0, num_more)
        weights[name] = nn.functional.pad(frames, padding).flatten(0, 1)
    return weights


def _check_phonemes(bundle: Path, lexicon: Path) -> None:
    """Phonemes are known by their place among the others, so all of them have to be the same."""
    phonemes = load_bundle(bundle).phonemes[1:]  # all but the blank
    if phonemes and phonemes != phoneme_inventory(read_lexicon(lexicon)):
        raise InvalidConfig(
            f"{lexicon} has other phonemes than {bundle}; with the words of a language model it has"
            f" all: `longwave pronounce MANIFEST --lm {bundle / LANGUAGE_MODEL} --output {lexicon}`"
        )
