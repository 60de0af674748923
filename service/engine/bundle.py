"""A model bundle: the folder that training writes and the engine reads."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from service.engine.framing import Framing


@dataclass(frozen=True, slots=True)
class StateSpec:
    """One tensor of the recurrent state."""

    name: str
    shape: tuple[int, ...]  # without the batch axis
    dtype: str  # numpy's name of it


@dataclass(frozen=True, slots=True)
class ChunkFrames:
    """How many frames a step of the model advances a stream by."""

    live: int
    bulk: int


@dataclass(frozen=True, slots=True)
class DecodingDefaults:
    """How the bundle's makers decode with it."""

    decoder: str
    beam_width: int
    tuned_on: str | None = None  # the set that the values were chosen on


@dataclass(frozen=True, slots=True)
class Bundle:
    """What `bundle.json` says, checked."""

    folder: Path
    name: str
    version: str
    language: str
    licence: str
    created: str
    commit: str
    framing: Framing
    chunk_frames: ChunkFrames
    vocabulary: tuple[str, ...]
    blank_id: int
    state: tuple[StateSpec, ...]
    files: Mapping[str, str]  # name -> SHA-256, hexadecimal
    decoding: DecodingDefaults
    training_data: tuple[Mapping[str, Any], ...] = ()
    error_rates: tuple[Mapping[str, Any], ...] = ()
    architecture: Mapping[str, Any] = field(default_factory=dict)  # opaque to the engine
