"""When each word of a recording is said: a file of JSON lines, a recording a line."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from training.json_files import read_json_lines, write_json_lines


class InvalidAlignments(Exception):
    """A file of alignments cannot be read. The message names file and line."""


@dataclass(frozen=True, slots=True)
class AlignedWord:
    """A word and when it is said, in seconds."""

    text: str
    start_s: float
    end_s: float


Alignments = Mapping[Path, Sequence[AlignedWord]]
"""The words of each recording, in order."""


def write_alignments(path: Path, alignments: Alignments) -> None:
    """Write `alignments` to `path`, with paths relative to its folder, replacing it in one step."""
    folder = path.resolve().parent
    records = (
        {
            "audio_filepath": os.path.relpath(audio.resolve(), folder),
            "words": [[word.text, word.start_s, word.end_s] for word in words],
        }
        for audio, words in alignments.items()
    )
    write_json_lines(path, records)


def read_alignments(path: Path) -> dict[Path, list[AlignedWord]]:
    """What `write_alignments` wrote. Raises InvalidAlignments and OSError."""
    folder = path.resolve().parent
    return dict(read_json_lines(path, partial(_from_json, folder), InvalidAlignments))


def _from_json(folder: Path, fields: dict[str, Any]) -> tuple[Path, list[AlignedWord]]:
    words = [AlignedWord(str(w), float(start), float(end)) for w, start, end in fields["words"]]
    return Path(os.path.normpath(folder / fields["audio_filepath"])), words
