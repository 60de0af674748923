"""The list of utterances that training and evaluation read: one JSON object a line."""

import math
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from training.json_files import read_json_lines, write_json_lines
from training.text import normalise


class InvalidManifest(Exception):
    """A line of a manifest is not what it must be. The message names file, line and fault."""


@dataclass(frozen=True, slots=True)
class Utterance:
    """One recording of speech and what was said in it."""

    audio: Path
    duration_s: float
    text: str  # as `training.text.normalise` leaves it
    raw_text: str  # as published
    corpus: str
    speaker: str
    split: str  # train, dev or test


def write_manifest(path: Path, utterances: Iterable[Utterance]) -> None:
    """Write `utterances` to `path`, replacing it in one step.

    Audio paths are written relative to the manifest's folder, so that both can move together.
    """
    folder = path.resolve().parent
    write_json_lines(path, (_to_json(utterance, folder) for utterance in utterances))


def read_manifest(path: Path) -> list[Utterance]:
    """The utterances of a manifest in its order.

    Raises InvalidManifest on a malformed line and OSError where the file cannot be read.
    """
    folder = path.resolve().parent
    return list(read_json_lines(path, partial(_from_json, folder), InvalidManifest))


def selected(
    utterances: Iterable[Utterance], splits: Collection[str] | None, corpora: Collection[str] | None
) -> list[Utterance]:
    """The utterances of these splits and corpora; None or none of them means all."""
    return [
        utterance
        for utterance in utterances
        if (not splits or utterance.split in splits)
        and (not corpora or utterance.corpus in corpora)
    ]


def read_selected(
    path: Path, splits: Collection[str] | None, corpora: Collection[str] | None
) -> list[Utterance]:
    """The `selected` utterances of a manifest.

    Raises InvalidManifest where there is none, or as `read_manifest` does, and OSError.
    """
    utterances = selected(read_manifest(path), splits, corpora)
    if not utterances:
        raise InvalidManifest(f"{path}: no utterance of that split and corpus")
    return utterances


def _to_json(utterance: Utterance, folder: Path) -> dict[str, str | float]:
    """Field names are those of plain manifests, so that a merged manifest is one itself."""
    return {
        "audio_filepath": os.path.relpath(utterance.audio.resolve(), folder),
        "duration": round(utterance.duration_s, 4),
        "text": utterance.text,
        "raw_text": utterance.raw_text,
        "corpus": utterance.corpus,
        "speaker": utterance.speaker,
        "split": utterance.split,
    }


def _from_json(folder: Path, fields: dict[str, Any]) -> Utterance:
    duration_s = float(fields["duration"])
    if not 0 < duration_s < math.inf:
        raise ValueError(f"duration is {duration_s}; it must be above 0")
    return Utterance(
        audio=Path(os.path.normpath(folder / fields["audio_filepath"])),
        duration_s=duration_s,
        text=normalise(fields["text"]),
        raw_text=str(fields.get("raw_text", fields["text"])),
        corpus=str(fields.get("corpus", folder.name)),
        speaker=str(fields.get("speaker", "")),
        split=str(fields.get("split", "train")),
    )
