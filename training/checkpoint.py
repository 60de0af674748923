"""Checkpoints: everything that a run needs to go on, in one file that is replaced atomically."""

import os
import pickle
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from training.config import InvalidConfig, RunConfig, parse_config
from training.model import AcousticModel

StateDict = dict[str, Any]

_STATES = ("model", "average", "optimiser")


class InvalidCheckpoint(Exception):
    """A checkpoint cannot be read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run has come. `batch` counts the batches done of `epoch`."""

    epoch: int = 0
    batch: int = 0
    step: int = 0
    audio_s: float = 0.0  # seconds of speech trained on
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A run at one moment."""

    config: RunConfig
    vocabulary: tuple[str, ...]
    progress: Progress
    model: StateDict
    average: StateDict  # the exponential average of the weights
    optimiser: StateDict
    best_wer: float


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write to a file beside `path`, then rename: a kill leaves the old one or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    contents = {
        **{name: getattr(checkpoint, name) for name in _STATES},
        "config": asdict(checkpoint.config),
        "vocabulary": list(checkpoint.vocabulary),
        "progress": asdict(checkpoint.progress),
        "best_wer": checkpoint.best_wer,
    }
    with partial.open("wb") as file:
        torch.save(contents, file)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(path)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint onto the CPU. Raises InvalidCheckpoint, naming the file."""
    try:
        contents = torch.load(path, map_location="cpu", weights_only=True)
        return Checkpoint(
            config=parse_config(RunConfig, contents["config"]),
            vocabulary=tuple(contents["vocabulary"]),
            progress=Progress(**contents["progress"]),
            best_wer=contents["best_wer"],
            model=contents["model"],
            average=contents["average"],
            optimiser=contents["optimiser"],
        )
    except FileNotFoundError:
        raise InvalidCheckpoint(f"there is no checkpoint at {path}") from None
    except IsADirectoryError:
        raise InvalidCheckpoint(
            f"{path} is a folder; name a checkpoint in it, such as last.pt"
        ) from None
    except InvalidConfig as error:
        raise InvalidCheckpoint(f"{path} was written by another version: {error}") from error
    except (RuntimeError, pickle.UnpicklingError, KeyError, TypeError, EOFError) as error:
        raise InvalidCheckpoint(f"{path} is not a whole checkpoint: {error}") from error


def soup(checkpoint: Checkpoint, others: Sequence[AcousticModel]) -> Checkpoint:
    """The checkpoint with the mean of its averaged weights and those of the other models.

    Runs that settle from one start on different batches end in one basin, and their mean makes
    fewer errors than any of them. Source: Wortsman et al., Model soups (2022).

    Raises InvalidCheckpoint where they are models of different shapes.
    """
    wanted = checkpoint.config.model
    for other in others:
        if replace(other.config, dropout=wanted.dropout) != wanted:
            raise InvalidCheckpoint(
                "only weights of one [model] can be averaged; these are of "
                f"{wanted} and {other.config}"
            )
    ingredients = [checkpoint.average, *(other.state_dict() for other in others)]
    mean = {
        name: torch.stack([each[name].double() for each in ingredients]).mean(dim=0).to(first.dtype)
        for name, first in checkpoint.average.items()
    }
    return replace(checkpoint, average=mean)


def averaged_model(checkpoint: Checkpoint) -> AcousticModel:
    """The model to evaluate and export: the averaged weights, in evaluation mode."""
    model = AcousticModel(checkpoint.config.model)
    model.load_state_dict(checkpoint.average)
    return model.eval()
