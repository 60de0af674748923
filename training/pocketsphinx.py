"""PocketSphinx as a recogniser to compare with: its default decoder and its own English model."""

import json
import re
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TextIO

import numpy as np

from training.channel import Waveform
from training.text import normalise

SAMPLE_RATE = 16_000
_PCM_SCALE = 32767.0
_ALTERNATIVE = re.compile(r"\(\d+\)")  # marks the pronunciation of a word


class NoPocketSphinx(Exception):
    """The package is not installed. The message names the remedy."""


class InvalidCache(Exception):
    """A file of hypotheses cannot be read. The message names file and line."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What PocketSphinx made of a recording."""

    audio_filepath: str
    condition: str
    hypothesis: str
    cpu_s: float


Recognise = Callable[[Waveform], str]


def load_pocketsphinx() -> Recognise:
    """Its decoder, as a function of a waveform [n] at SAMPLE_RATE. Raises NoPocketSphinx."""
    try:
        import pocketsphinx
    except ModuleNotFoundError as error:
        raise NoPocketSphinx("pocketsphinx is missing: install longwave[compare]") from error
    decoder = pocketsphinx.Decoder(loglevel="FATAL")

    def recognise(waveform: Waveform) -> str:
        pcm = (waveform.clip(-1.0, 1.0) * _PCM_SCALE).astype("<i2").tobytes()
        decoder.start_utt()
        decoder.process_raw(pcm, full_utt=True)
        decoder.end_utt()
        best = decoder.hyp()
        return normalise(_ALTERNATIVE.sub("", best.hypstr)) if best else ""

    return recognise


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
    with cache.open(encoding="utf-8") as lines:
        return [_from_json(line, f"{cache}:{number}") for number, line in enumerate(lines, 1)]


def _from_json(line: str, place: str) -> Heard:
    try:
        fields = json.loads(line)
        return Heard(
            audio_filepath=str(fields["audio_filepath"]),
            condition=str(fields["condition"]),
            hypothesis=normalise(fields["hypothesis"]),
            cpu_s=float(fields["cpu_s"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise InvalidCache(f"{place}: {type(error).__name__}: {error}; delete it") from error
