"""A model bundle: the folder that training writes and the engine reads."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from service.engine.decoding_defaults import DecodingDefaults, parse_decoding, typed
from service.engine.errors import InvalidBundle
from service.engine.framing import Framing
from service.engine.vocabulary import Vocabulary

FORMAT: Final = 1
DESCRIPTION: Final = "bundle.json"
LANGUAGE_MODEL: Final = "lm.bin"
"""The file of the language model; a bundle need not have one."""
LEXICON: Final = "lexicon.txt"
"""The file that says how words are said; of use where the model puts phonemes out."""
RULES: Final = "letter-to-sound.txt"
"""The file that says how words are said that the lexicon lacks."""
MAX_PHONEMES: Final = 256
"""So many have indices of a byte, which is what the lexicon is kept in."""
STATE_DTYPES: Final = ("float16", "float32", "float64", "int32", "int64", "bool")
REMEDY: Final = "export the bundle again, or fetch it again if it was copied"


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
    phonemes: tuple[str, ...] = ()  # that it puts out after the vocabulary, the blank first
    training_data: tuple[Mapping[str, Any], ...] = ()
    error_rates: tuple[Mapping[str, Any], ...] = ()
    architecture: Mapping[str, Any] = field(default_factory=dict)  # opaque to the engine

    @property
    def num_outputs(self) -> int:
        """Columns of the log-probabilities: the vocabulary's, then the phonemes'."""
        return len(self.vocabulary) + len(self.phonemes)

    @property
    def samples_per_live_chunk(self) -> int:
        """Of a stream's audio, nothing comes before there are as many."""
        return self.chunk_frames.live * self.framing.samples_per_frame


def load_bundle(folder: Path) -> Bundle:
    """Read the bundle in `folder` and verify all of it.

    Raises:
        InvalidBundle: something is missing, damaged or contradicts itself; the message says what.
    """
    path = folder / DESCRIPTION
    try:
        description = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise InvalidBundle(
            f"{folder.absolute()} has no {DESCRIPTION}; name the folder of a model bundle"
        ) from error
    except (OSError, ValueError, RecursionError) as error:
        raise InvalidBundle(f"{path} cannot be read: {error}; {REMEDY}") from error
    try:
        bundle = _parse(folder, description)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidBundle(f"{path} is wrong: {_cause(error)}; {REMEDY}") from error
    for name, digest in bundle.files.items():
        _check_file(folder / name, digest)
    return bundle


def sha256(path: Path) -> str:
    """The digest of a file as `bundle.json` has it, hexadecimal. Raises OSError."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _cause(error: Exception) -> str:
    return f"{error} is missing" if isinstance(error, KeyError) else str(error)


def _parse(folder: Path, description: dict[str, Any]) -> Bundle:
    if description["format"] != FORMAT:
        raise ValueError(f"format is {description['format']!r}; this version reads {FORMAT}")
    texts = ("name", "version", "language", "licence", "created", "commit")
    vocabulary = _vocabulary(description)
    framing, phonemes = _framing(description), _phonemes(description.get("phonemes", []))
    decoding = parse_decoding(description["decoding"], len(vocabulary))
    if decoding.phoneme_weight and not phonemes:
        raise ValueError(f"phoneme_weight is {decoding.phoneme_weight}; there are no phonemes")
    return Bundle(
        folder=folder,
        **{name: typed(description, name, str) for name in texts},
        framing=framing,
        chunk_frames=_chunk_frames(description["chunk_frames"], framing),
        vocabulary=vocabulary.symbols,
        blank_id=vocabulary.blank_id,
        state=_state(description["state"]),
        files=_files(description["files"]),
        decoding=decoding,
        phonemes=phonemes,
        training_data=tuple(description["training_data"]),
        error_rates=tuple(description["error_rates"]),
        architecture=typed(description, "architecture", dict),
    )


def _vocabulary(description: Mapping[str, Any]) -> Vocabulary:
    symbols = typed(description, "vocabulary", list)
    if not all(isinstance(symbol, str) for symbol in symbols):
        raise ValueError("vocabulary must be symbols")
    return Vocabulary(symbols, typed(description, "blank_id", int))


def _phonemes(phonemes: list[str]) -> tuple[str, ...]:
    if not all(isinstance(name, str) for name in phonemes) or len(set(phonemes)) < len(phonemes):
        raise ValueError("phonemes must be different names")
    if len(phonemes) > MAX_PHONEMES:
        raise ValueError(f"there are {len(phonemes)} phonemes; this version reads {MAX_PHONEMES}")
    return tuple(phonemes)


def _framing(description: Mapping[str, Any]) -> Framing:
    names = ("sample_rate", "samples_per_frame", "frames_per_step", "lookahead_frames")
    return Framing(**{name: typed(description, name, int) for name in names})


def _chunk_frames(description: Mapping[str, Any], framing: Framing) -> ChunkFrames:
    chunk_frames = ChunkFrames(*(typed(description, name, int) for name in ("live", "bulk")))
    for frames in (chunk_frames.live, chunk_frames.bulk):
        if frames < 1 or frames % framing.frames_per_step:
            raise ValueError(f"chunk_frames has {frames}, which is no number of whole steps")
    if chunk_frames.bulk < chunk_frames.live:
        raise ValueError("chunk_frames: bulk must be at least live")
    return chunk_frames


def _state(descriptions: list[dict[str, Any]]) -> tuple[StateSpec, ...]:
    specs = tuple(
        StateSpec(typed(spec, "name", str), tuple(spec["shape"]), _dtype(spec["dtype"]))
        for spec in descriptions
    )
    if len({spec.name for spec in specs}) < len(specs):
        raise ValueError("two state tensors have one name")
    for spec in specs:
        if min(spec.shape, default=1) < 1:
            raise ValueError(f"state tensor {spec.name!r} has the shape {list(spec.shape)}")
    return specs


def _dtype(name: str) -> str:
    if name not in STATE_DTYPES:
        raise ValueError(f"state dtype {name!r} is not one of {', '.join(STATE_DTYPES)}")
    return name


def _files(digests: dict[str, str]) -> Mapping[str, str]:
    for name in digests:
        if Path(name).name != name or "\0" in name:
            raise ValueError(f"file {name!r} is not a plain name inside the bundle")
    return dict(digests)


def _check_file(path: Path, digest: str) -> None:
    try:
        found = sha256(path)
    except OSError as error:
        raise InvalidBundle(f"{path} cannot be read: {error}; {REMEDY}") from error
    if found != digest:
        raise InvalidBundle(f"{path} has SHA-256 {found}, not {digest}; {REMEDY}")
