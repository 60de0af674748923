"""LibriSpeech trees: SUBSET/SPEAKER/CHAPTER/SPEAKER-CHAPTER.trans.txt beside one flac a line."""

from collections.abc import Iterator
from pathlib import Path

from training.corpora.candidate import Candidate, InvalidCorpus

_CORPUS = "librispeech"
_SUFFIX = ".trans.txt"


def read_librispeech(folder: Path) -> Iterator[Candidate]:
    """The utterances of a whole tree, of one subset (`train-clean-100`) or of part of one.

    Subsets named dev-* and test-* are the dev and test splits, all else is train.
    """
    transcripts = sorted(folder.resolve().rglob(f"*{_SUFFIX}"))
    if not transcripts:
        raise InvalidCorpus(f"{folder}: no *{_SUFFIX} anywhere in it")
    for transcript in transcripts:
        yield from _read_chapter(transcript)


def _read_chapter(transcript: Path) -> Iterator[Candidate]:
    speaker = transcript.name.removesuffix(_SUFFIX).split("-")[0]
    split = _split(transcript)
    for line in transcript.read_text(encoding="utf-8").splitlines():
        utterance_id, _, text = line.partition(" ")
        if utterance_id:
            audio = transcript.parent / f"{utterance_id}.flac"
            yield Candidate(audio, text, _CORPUS, f"{_CORPUS}-{speaker}", split)


def _split(transcript: Path) -> str:
    subset = transcript.parents[2].name
    return next((split for split in ("dev", "test") if subset.startswith(f"{split}-")), "train")
