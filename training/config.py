"""The configuration of a training run: one TOML file, frozen dataclasses, no unknown keys."""

import dataclasses
import math
import tomllib
import typing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from training.bounds import check_bounds
from training.model_config import ModelConfig

PRECISIONS = ("auto", "float32", "bfloat16")
_SHARE = (0.0, 1.0)


class InvalidConfig(Exception):
    """A configuration has an unknown key or a value of the wrong kind; the message names it."""


@dataclass(frozen=True, slots=True)
class DataConfig:
    """What is trained on and how it becomes batches."""

    manifest: str
    train_split: str = "train"
    validation_split: str = "dev"
    repeats: dict[str, int] = field(default_factory=dict)  # corpus -> times an epoch, default 1
    licences: dict[str, str] = field(default_factory=dict)  # corpus -> what its licence is called
    max_duration_s: float = 16.0
    batch_duration_s: float = 100.0  # of all utterances of a batch, padding included
    cache: str = ".data/cache"

    def __post_init__(self) -> None:
        for corpus, times in self.repeats.items():
            if times < 0:
                raise ValueError(f"repeats.{corpus} is {times}; it must be at least 0")


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """How training audio is varied. A probability or width of 0 switches an item off."""

    max_speed_change: float = 0.1  # fraction of the playing speed, up or down; pitch follows
    min_gain_db: float = -15.0
    max_gain_db: float = 6.0
    channel_probability: float = 0.0  # of a random microphone, and with it perhaps:
    room_share: float = 0.5  # of a room that reverberates
    telephone_share: float = 0.15  # of a telephone's band
    mu_law_probability: float = 0.0  # of 8-bit companding
    max_frequency_warp: float = 0.0  # fraction by which a voice's frequencies move, up or down
    noise_folder: str = ""  # recordings of background noise
    noise_probability: float = 0.0
    min_snr_db: float = 5.0
    max_snr_db: float = 25.0
    alignments: str = ""  # as `longwave align` writes them, for splicing
    splice_probability: float = 0.0  # of a sentence made of other ones' words
    freq_masks: int = 2
    freq_mask_bins: int = 15
    time_masks: int = 3
    time_mask_fraction: float = 0.05  # of the utterance, each

    def __post_init__(self) -> None:
        if self.splice_probability and not self.alignments:
            raise ValueError("splice_probability needs alignments: `longwave align` writes them")
        if self.noise_probability and not self.noise_folder:
            raise ValueError("noise_probability needs noise_folder, with recordings of noise")
        check_bounds(
            self,
            max_speed_change=(0.0, 0.5),
            max_frequency_warp=(0.0, 0.5),
            channel_probability=_SHARE,
            room_share=_SHARE,
            telephone_share=_SHARE,
            mu_law_probability=_SHARE,
            noise_probability=_SHARE,
            splice_probability=_SHARE,
            time_mask_fraction=_SHARE,
        )


@dataclass(frozen=True, slots=True)
class OptimiserConfig:
    """AdamW; a linear warm-up, a constant rate, then a linear fall to `final_rate`."""

    learning_rate: float = 2e-3
    final_rate: float = 2e-5
    warmup_steps: int = 500
    decay_fraction: float = 0.4  # of all steps, at the end
    weight_decay: float = 0.01
    max_gradient_norm: float = 1.0
    average_decay: float = 0.999  # exponential average of the weights, a step

    def __post_init__(self) -> None:
        check_bounds(
            self,
            learning_rate=(0.0, 1.0),
            final_rate=(0.0, 1.0),
            decay_fraction=_SHARE,
            average_decay=_SHARE,
        )


@dataclass(frozen=True, slots=True)
class PhonemeConfig:
    """A second task, which helps the model to hear; see `training.phonemes`."""

    lexicon: str = ""  # as `longwave pronounce` writes it; empty: there is no second task
    weight: float = 0.3  # of its loss at the lower layer
    output_weight: float = 1.0  # and where the model puts phonemes out, if it does
    denominator_weight: float = 0.0  # of the CRF's denominator, up to 1; see `training.crf`


@dataclass(frozen=True, slots=True)
class RunConfig:
    """A whole training run."""

    data: DataConfig
    model: ModelConfig = field(default_factory=ModelConfig)
    augment: AugmentConfig = field(default_factory=AugmentConfig)
    phonemes: PhonemeConfig = field(default_factory=PhonemeConfig)
    optimiser: OptimiserConfig = field(default_factory=OptimiserConfig)
    initial_weights: str = ""  # to start from: a checkpoint, or the folder of a bundle
    epochs: int = 30
    seed: int = 1
    precision: str = "auto"  # one of PRECISIONS; auto: bfloat16 where the hardware has it
    num_threads: int = 0  # 0: PyTorch's own choice
    checkpoint_minutes: float = 5.0

    def __post_init__(self) -> None:
        if self.precision not in PRECISIONS:
            known = ", ".join(PRECISIONS)
            raise ValueError(f"precision is {self.precision!r}; it must be one of {known}")
        if self.model.num_phonemes and not self.phonemes.lexicon:
            raise ValueError(
                "model.num_phonemes needs phonemes.lexicon; `longwave pronounce` makes it"
            )
        check_bounds(self, epochs=(1, math.inf))


T = TypeVar("T")


def read_config(path: Path) -> RunConfig:
    """Read a TOML file. Raises InvalidConfig, naming the key at fault, and OSError."""
    try:
        return parse_config(RunConfig, tomllib.loads(path.read_text(encoding="utf-8")))
    except (InvalidConfig, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidConfig(f"{path}: {error}") from error


def parse_config(kind: type[T], table: dict[str, Any], place: str = "") -> T:
    """A dataclass of `kind` from nested tables, as `dataclasses.asdict` or TOML gives them."""
    hints = typing.get_type_hints(kind)
    unknown = sorted(table.keys() - hints.keys())
    if unknown:
        allowed = ", ".join(sorted(hints))
        raise InvalidConfig(f"unknown key {place}{unknown[0]}; there are: {allowed}")
    values = {name: _value(hints[name], raw, f"{place}{name}") for name, raw in table.items()}
    try:
        return kind(**values)
    except (TypeError, ValueError) as error:
        raise InvalidConfig(f"{place.rstrip('.') or 'top level'}: {error}") from error


def _value(kind: Any, raw: Any, place: str) -> Any:
    if dataclasses.is_dataclass(kind):
        if not isinstance(raw, dict):
            raise InvalidConfig(f"{place} must be a table")
        return parse_config(typing.cast(type[Any], kind), raw, f"{place}.")
    expected = typing.get_origin(kind) or kind
    if expected is float and isinstance(raw, int) and not isinstance(raw, bool):
        return float(raw)
    if not isinstance(raw, expected) or (expected is int and isinstance(raw, bool)):
        raise InvalidConfig(f"{place} is {raw!r}; it must be of type {expected.__name__}")
    if expected is dict:
        _, of_values = typing.get_args(kind)
        return {name: _value(of_values, value, f"{place}.{name}") for name, value in raw.items()}
    return raw
