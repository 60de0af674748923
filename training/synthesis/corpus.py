"""Spoken sentences as a plain corpus: a folder of flac files and `manifest.jsonl`."""

import hashlib
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import soundfile
import soxr
from numpy.typing import NDArray

from training.manifest import Utterance, read_manifest, write_manifest
from training.synthesis.engines import Engine, Speech
from training.synthesis.voices import Delivery, draw_delivery
from training.text import normalise

SAMPLE_RATE = 16_000
BATCH_SIZE = 100  # sentences; what a killed run has to do again
ENOUGH_TO_JUDGE = 10  # sentences; a synthesiser that speaks none of so many is broken
MIN_SECONDS_A_CHARACTER = 0.02  # of audio; less was not spoken whole

_PARTS, _PLAN, _MANIFEST = ".parts", "plan", "manifest.jsonl"


class OtherCorpus(Exception):
    """The folder holds speech that this run has not begun."""


class SynthesisFailed(Exception):
    """A synthesiser speaks nothing at all."""


@dataclass(frozen=True, slots=True)
class Line:
    """A sentence of the corpus."""

    number: int
    text: str  # words, and commas for pauses
    delivery: Delivery


def plan(texts: Sequence[str], voices: Mapping[str, Sequence[str]], seed: int) -> list[Line]:
    """Who speaks which sentence and how. Every sentence has its own chance, drawn from `seed`."""
    return [
        Line(number, text, draw_delivery(voices, np.random.default_rng([seed, number])))
        for number, text in enumerate(texts)
    ]


def write_corpus(
    folder: Path, lines: Sequence[Line], engines: Mapping[str, Engine], num_workers: int
) -> Generator[int, None, None]:
    """Speak `lines` into `folder`. Yields how many sentences are done; the manifest comes last.

    Goes on where an earlier call was stopped. Sentences that a synthesiser cannot speak are left
    out. Raises OtherCorpus where the folder was begun with other lines; SynthesisFailed; OSError.
    """
    parts = folder / _PARTS
    _claim(folder, lines)
    batches = {
        parts / f"{start:08d}.jsonl": lines[start : start + BATCH_SIZE]
        for start in range(0, len(lines), BATCH_SIZE)
    }
    pending = {part: batch for part, batch in batches.items() if not part.exists()}
    done = sum(map(len, batches.values())) - sum(map(len, pending.values()))
    pool = ThreadPoolExecutor(num_workers)
    try:
        spoken = pool.map(lambda batch: _speak_batch(folder, batch, engines), pending.values())
        for (part, batch), utterances in zip(pending.items(), spoken, strict=True):
            write_manifest(part, utterances)
            done += len(batch)
            yield done
    finally:
        pool.shutdown(cancel_futures=True)  # whoever stops early waits for what runs, no more
    every = [utterance for part in sorted(batches) for utterance in read_manifest(part)]
    write_manifest(folder / _MANIFEST, every)
    shutil.rmtree(parts)


def _claim(folder: Path, lines: Sequence[Line]) -> None:
    """Make the folder this plan's, or find that it is."""
    digest = hashlib.sha256("\n".join(map(repr, lines)).encode()).hexdigest()
    mark = folder / _PARTS / _PLAN
    if mark.exists() and mark.read_text(encoding="utf-8") == digest:
        return
    if folder.exists() and any(folder.iterdir()):
        raise OtherCorpus(
            f"{folder} is finished, or was made with other texts, voices or seed: name an empty one"
        )
    mark.parent.mkdir(parents=True)
    mark.write_text(digest, encoding="utf-8")


def _speak_batch(
    folder: Path, batch: Sequence[Line], engines: Mapping[str, Engine]
) -> list[Utterance]:
    ordered = sorted(batch, key=lambda line: line.delivery.voice.engine)
    with tempfile.TemporaryDirectory() as scratch:
        waves = {line.number: Path(scratch) / f"{line.number}.wav" for line in batch}
        for name, members in groupby(ordered, key=lambda line: line.delivery.voice.engine):
            _speak(name, [(line, waves[line.number]) for line in members], engines[name])
        utterances = [_utterance(folder, line, waves[line.number]) for line in batch]
    return [utterance for utterance in utterances if utterance]


def _speak(name: str, lines: Sequence[tuple[Line, Path]], engine: Engine) -> None:
    engine.speak([_speech(line, wave) for line, wave in lines])
    if len(lines) >= ENOUGH_TO_JUDGE and not any(wave.exists() for _, wave in lines):
        raise SynthesisFailed(f"{name} wrote none of {len(lines)} sentences; try {engine.program}")


def _speech(line: Line, wave: Path) -> Speech:
    """Resampling by the tract's factor also hurries, which the synthesiser makes up for."""
    delivery = line.delivery
    rate = delivery.rate / delivery.tract
    return Speech(line.text, delivery.voice.name, rate, delivery.semitones, wave)


def _utterance(folder: Path, line: Line, wave: Path) -> Utterance | None:
    """Write the audio of a line. None where the synthesiser did not speak it, or not whole."""
    transcript = normalise(line.text)
    try:
        spoken, sample_rate = soundfile.read(wave, dtype="float32")
    except soundfile.SoundFileError:
        return None
    if len(spoken) / sample_rate < MIN_SECONDS_A_CHARACTER * len(transcript) or not spoken.any():
        return None
    waveform = _delivered(spoken, sample_rate, line.delivery)
    audio = folder / f"{line.number // 1000:04d}" / f"{line.number:07d}.flac"
    audio.parent.mkdir(exist_ok=True)
    soundfile.write(audio, waveform, SAMPLE_RATE)
    return Utterance(
        audio=audio,
        duration_s=len(waveform) / SAMPLE_RATE,
        text=transcript,
        raw_text=line.text,
        corpus=folder.name,
        speaker=line.delivery.speaker,
        split="train",
    )


def _delivered(
    spoken: NDArray[np.float32], sample_rate: int, delivery: Delivery
) -> NDArray[np.float32]:
    """Resampled, at its level, between its silences. [n] to [m]."""
    resampled = soxr.resample(spoken, sample_rate * delivery.tract, SAMPLE_RATE)
    peak = np.float32(10 ** (delivery.level_dbfs / 20))
    levelled = resampled * (peak / np.abs(resampled).max())
    before, after = (round(silence_s * SAMPLE_RATE) for silence_s in delivery.silence_s)
    padded: NDArray[np.float32] = np.pad(levelled, (before, after))
    return padded
