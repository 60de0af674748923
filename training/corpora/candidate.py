"""What a reader finds in a corpus, before anyone has looked into the audio."""

from dataclasses import dataclass
from pathlib import Path


class InvalidCorpus(Exception):
    """A folder does not hold the corpus format that was named. The message says what is wrong."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A recording that a corpus lists and the text it lists with it."""

    audio: Path
    raw_text: str
    corpus: str
    speaker: str
    split: str  # train, dev or test
