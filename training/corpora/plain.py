"""Plain corpora: a folder with `manifest.jsonl`, one JSON object a line, and its audio."""

import json
from collections.abc import Iterator
from pathlib import Path

from training.corpora.candidate import Candidate, InvalidCorpus

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
    with manifest.open(encoding="utf-8") as lines:
        for number, line in enumerate(lines, start=1):
            if line.strip():
                yield _candidate(line, manifest, number)


def _candidate(line: str, manifest: Path, number: int) -> Candidate:
    try:
        fields = json.loads(line)
        return Candidate(
            audio=manifest.parent / fields["audio_filepath"],
            raw_text=str(fields.get("raw_text", fields["text"])),
            corpus=str(fields.get("corpus", manifest.resolve().parent.name)),
            speaker=str(fields.get("speaker", "")),
            split=str(fields.get("split", "train")),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidCorpus(f"{manifest}:{number}: {type(error).__name__}: {error}") from error
