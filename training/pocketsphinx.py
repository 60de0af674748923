"""PocketSphinx with its own English model: a recogniser to compare with, and an aligner."""

import json
import re
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from training.alignments import AlignedWord
from training.channel import Waveform
from training.json_files import read_json_lines
from training.pronunciation import Pronunciation
from training.text import normalise

SAMPLE_RATE = 16_000
_PCM_SCALE = 32767.0
_FRAMES_PER_S = 100
_NO_WORD = "<[("  # begin the names of silences and noises
_ARPABET = {
    "0": "AA", "3": "ER", "?": "T", "@": "AH", "@-": "AH", "@L": "AH L", "A": "AA", "A@": "AA R",
    "C": "HH", "D": "DH", "E": "EH", "I": "IH", "N": "NG", "O": "AO", "O@": "AO R", "OI": "OY",
    "S": "SH", "T": "TH", "U": "UH", "U@": "UH R", "V": "AH", "Z": "ZH", "a": "AE", "aI": "AY",
    "aI3": "AY ER", "aI@": "AY AH", "aU": "AW", "aa": "AE", "dZ": "JH", "e": "EH", "e@": "EH R",
    "eI": "EY", "h": "HH", "i": "IY", "i@": "IY AH", "i@3": "IH R", "j": "Y", "n-": "N",
    "o@": "AO R", "oU": "OW", "r-": "R", "tS": "CH", "u": "UW", "x": "K",
}  # the others' names differ in their case alone  # fmt: skip
_ALTERNATIVE = re.compile(r"\(\d+\)")  # marks the pronunciation of a word


class NoPocketSphinx(Exception):
    """The package is not installed. The message names the remedy."""


class InvalidCache(Exception):
    """A file of hypotheses cannot be read. The message names file, line and remedy."""

    def __init__(self, message: str) -> None:
        super().__init__(f"{message}; delete that line, or name another file with --cache")


@dataclass(frozen=True, slots=True)
class Heard:
    """What PocketSphinx made of a recording."""

    audio_filepath: str
    condition: str
    hypothesis: str
    cpu_s: float


Recognise = Callable[[Waveform], str]
Align = Callable[[Waveform, str], list[AlignedWord]]


def load_pocketsphinx() -> Recognise:
    """Its decoder, as a function of a waveform [n] at SAMPLE_RATE. Raises NoPocketSphinx."""
    decoder = _decoder()

    def recognise(waveform: Waveform) -> str:
        _feed(decoder, waveform)
        best = decoder.hyp()
        return normalise(_ALTERNATIVE.sub("", best.hypstr)) if best else ""

    return recognise


def load_aligner(lexicon: Mapping[str, Pronunciation]) -> Align:
    """What says when the words of a text are said in a waveform [n] at SAMPLE_RATE.

    It finds none where a word is neither in PocketSphinx's dictionary nor in `lexicon`, which has
    espeak-ng's phonemes, where its model lacks a phoneme of that, or where the text does not fit
    what is said. Raises NoPocketSphinx.
    """
    decoder = _decoder(lm=None)

    def align(waveform: Waveform, text: str) -> list[AlignedWord]:
        words = text.split()
        for word in words:
            if decoder.lookup_word(word) is None and word in lexicon:
                with suppress(RuntimeError):  # of a phoneme that it lacks
                    decoder.add_word(word, arpabet(lexicon[word]))
        if any(decoder.lookup_word(word) is None for word in words):
            return []
        decoder.set_align_text(text)
        _feed(decoder, waveform)
        found = [_aligned(each) for each in decoder.seg() or () if each.word[0] not in _NO_WORD]
        return found if [word.text for word in found] == words else []

    return align


def arpabet(phonemes: Pronunciation) -> str:
    """espeak-ng's American phonemes as those of the CMU dictionary, separated by spaces."""
    return " ".join(_ARPABET.get(phoneme, phoneme.upper()) for phoneme in phonemes)


def _aligned(segment: Any) -> AlignedWord:
    start, end = segment.start_frame, segment.end_frame + 1
    text = _ALTERNATIVE.sub("", segment.word)
    return AlignedWord(text, start / _FRAMES_PER_S, end / _FRAMES_PER_S)


def _decoder(**config: Any) -> Any:
    try:
        import pocketsphinx
    except ModuleNotFoundError as error:
        raise NoPocketSphinx("pocketsphinx is missing: install longwave[compare]") from error
    return pocketsphinx.Decoder(loglevel="FATAL", **config)


def _feed(decoder: Any, waveform: Waveform) -> None:
    pcm = (waveform.clip(-1.0, 1.0) * _PCM_SCALE).astype("<i2").tobytes()
    decoder.start_utt()
    decoder.process_raw(pcm, full_utt=True)
    decoder.end_utt()


def installed_version() -> str:
    """Of the package. Raises NoPocketSphinx."""
    try:
        return version("pocketsphinx")
    except PackageNotFoundError as error:
        raise NoPocketSphinx("pocketsphinx is missing: install longwave[compare]") from error


class Hypotheses:
    """PocketSphinx's hypotheses, kept in a file of JSON lines: it need not run for every model.

    Raises InvalidCache and OSError.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = cache
        self._recognise: Recognise | None = None
        self._known = {
            (heard.audio_filepath, heard.condition): heard for heard in _read_cache(cache)
        }

    def of(self, audio: Path, condition: str, waveform: Waveform) -> Heard:
        """What it makes, or made, of a recording that sounds like `waveform` [n] at SAMPLE_RATE.

        Raises NoPocketSphinx where it is needed.
        """
        known = self._known.get((str(audio), condition))
        if known is None:
            known = self._listen(audio, condition, waveform)
            with self._cache.open("a", encoding="utf-8") as lines:
                _append(lines, known)
            self._known[str(audio), condition] = known
        return known

    def _listen(self, audio: Path, condition: str, waveform: Waveform) -> Heard:
        if self._recognise is None:
            self._recognise = load_pocketsphinx()
        started_s = time.process_time()
        hypothesis = self._recognise(np.ascontiguousarray(waveform))
        cpu_s = time.process_time() - started_s
        return Heard(str(audio), condition, hypothesis, round(cpu_s, 4))


def _append(lines: TextIO, heard: Heard) -> None:
    lines.write(json.dumps(asdict(heard)) + "\n")


def _read_cache(cache: Path) -> list[Heard]:
    if not cache.exists():
        cache.parent.mkdir(parents=True, exist_ok=True)
        return []
    return list(read_json_lines(cache, _from_json, InvalidCache))


def _from_json(fields: dict[str, Any]) -> Heard:
    return Heard(
        audio_filepath=str(fields["audio_filepath"]),
        condition=str(fields["condition"]),
        hypothesis=normalise(fields["hypothesis"]),
        cpu_s=float(fields["cpu_s"]),
    )
