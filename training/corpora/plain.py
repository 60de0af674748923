"""Plain corpora: a folder with `manifest.jsonl`, one JSON object a line, and its audio."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from training.corpora.candidate import Candidate, InvalidCorpus
from training.json_files import read_json_lines

_MANIFEST = "manifest.jsonl"


def read_plain(folder: Path) -> Iterator[Candidate]:
    """The items of `folder/manifest.jsonl`, or of every direct subfolder that has one.

    A line holds `audio_filepath` (relative to its manifest) and `text`; `speaker`, `split`
    ("train" unless given) and `corpus` (the folder's name unless given) may be there.
    """
    if (folder / _MANIFEST).is_file():
        yield from _read_manifest(folder / _MANIFEST)
        return
    manifests = sorted(folder.glob(f"*/{_MANIFEST}"))
    if not manifests:
        raise InvalidCorpus(f"{folder}: no {_MANIFEST} in it or in its direct subfolders")
    for manifest in manifests:
        yield from _read_manifest(manifest)


def _read_manifest(manifest: Path) -> Iterator[Candidate]:
    return read_json_lines(manifest, partial(_candidate, manifest), InvalidCorpus)


def _candidate(manifest: Path, fields: dict[str, Any]) -> Candidate:
    raw_text = fields.get("raw_text", fields["text"])
    if not isinstance(raw_text, str):
        raise TypeError(f"the text is {raw_text!r}; it must be in quotes")
    return Candidate(
        audio=manifest.parent / fields["audio_filepath"],
        raw_text=raw_text,
        corpus=str(fields.get("corpus", manifest.resolve().parent.name)),
        speaker=str(fields.get("speaker", "")),
        split=str(fields.get("split", "train")),
    )
