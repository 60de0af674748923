"""LJSpeech: `metadata.csv` (id|text|text with numbers spelled out) and `wavs/ID.wav`."""

from collections.abc import Iterator
from pathlib import Path

from training.corpora.candidate import Candidate, InvalidCorpus

_CORPUS = "ljspeech"


def read_ljspeech(folder: Path) -> Iterator[Candidate]:
    """The corpus's utterances, all of one speaker and all for training."""
    metadata = folder / "metadata.csv"
    if not metadata.is_file():
        raise InvalidCorpus(f"{metadata} is missing")
    # Fields are never quoted: a quotation mark in them is part of the text.
    for number, line in enumerate(metadata.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        fields = line.split("|")
        if len(fields) < 2:
            raise InvalidCorpus(f"{metadata}:{number}: expected id|text or id|text|text")
        audio = folder / "wavs" / f"{fields[0]}.wav"
        yield Candidate(audio, fields[-1], _CORPUS, _CORPUS, "train")
