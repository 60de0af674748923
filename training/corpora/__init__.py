"""Speech corpora on disk: one reader a format, and the merging of corpora into one manifest."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from training.corpora.candidate import Candidate, InvalidCorpus
from training.corpora.common_voice import read_common_voice
from training.corpora.librispeech import read_librispeech
from training.corpora.ljspeech import read_ljspeech
from training.corpora.plain import read_plain

Reader = Callable[[Path], Iterator[Candidate]]

READERS: Mapping[str, Reader] = {
    "plain": read_plain,
    "librispeech": read_librispeech,
    "common-voice": read_common_voice,
    "ljspeech": read_ljspeech,
}
"""Readers by the name of their format. Each takes a folder and may raise `InvalidCorpus`."""

__all__ = ["READERS", "Candidate", "InvalidCorpus", "Reader"]
