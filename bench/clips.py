"""The speech that is sent: a user's recordings, or a synthetic fixture that sounds like none."""

import io
import random
import wave
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.engine.audio import AudioLimits, decode_audio
from service.engine.errors import EngineError

Clip: TypeAlias = NDArray[np.int16]
"""Mono samples [n] at the model's rate."""

_MAX_CLIPS: Final = 200
_MAX_CLIP_S: Final = 30.0
_SUFFIXES: Final = {".wav", ".flac", ".mp3", ".ogg", ".opus", ".m4a", ".webm"}
_FULL_SCALE: Final = 32767


class NoSpeech(Exception):
    """There is no audio where it was said to be."""


def load_clips(source: Path | None, sample_rate: int) -> list[Clip]:
    """At most 200 recordings of at most 30 s, the same ones every time.

    Raises:
        NoSpeech: `source` holds no readable audio.
    """
    if source is None:
        return [synthetic_speech(seed, sample_rate) for seed in range(8)]
    clips = [clip for path in _audio_files(source) for clip in _read(path, sample_rate)]
    if not clips:
        raise NoSpeech(f"{source} holds no audio that can be read ({', '.join(sorted(_SUFFIXES))})")
    return clips


def save_clips(clips: Sequence[Clip], path: Path) -> None:
    """Write clips for the processes that send them."""
    np.savez(path, *clips)


def saved_clips(path: Path) -> list[Clip]:
    """Read what `save_clips` wrote."""
    with np.load(path) as arrays:
        return [arrays[name] for name in arrays.files]


def joined(clips: Sequence[Clip], num_samples: int, seed: int) -> Clip:
    """`num_samples` samples of clips in random order, one after the other."""
    rng = random.Random(seed)
    pieces: list[Clip] = []
    missing = num_samples
    while missing > 0:
        pieces.append(rng.choice(clips)[:missing])
        missing -= len(pieces[-1])
    return np.concatenate(pieces) if pieces else np.zeros(0, np.int16)


def as_wav(clip: Clip, sample_rate: int) -> bytes:
    """The clip as a 16-bit WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as recording:
        recording.setparams((1, 2, sample_rate, len(clip), "NONE", ""))
        recording.writeframes(clip.astype("<i2").tobytes())
    return file.getvalue()


def as_waveform(clip: Clip) -> NDArray[np.float32]:
    """The clip in [-1, 1]."""
    return clip.astype(np.float32) / np.float32(2**15)


def synthetic_speech(seed: int, sample_rate: int, duration_s: float = 6.0) -> Clip:
    """Harmonics of a wandering pitch in syllables with pauses: it costs what speech costs.

    The network's cost does not depend on what it hears. What follows it works on more symbols in
    real speech, so real recordings give the truer figures.
    """
    rng = np.random.default_rng(seed)
    time_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    pitch = 120.0 + 40.0 * np.sin(2 * np.pi * rng.uniform(0.2, 0.5) * time_s)  # Hz
    phase = 2 * np.pi * np.cumsum(pitch) / sample_rate
    voice = sum(np.sin(k * phase) / k for k in range(1, 20))
    syllables = np.clip(np.sin(2 * np.pi * rng.uniform(2.0, 4.0) * time_s), 0.0, None)
    waveform = 0.1 * voice * syllables + rng.normal(0.0, 0.003, len(time_s))
    return (waveform.clip(-1.0, 1.0) * _FULL_SCALE).astype(np.int16)


def _audio_files(source: Path) -> list[Path]:
    if source.is_file():
        return [source]
    files = sorted(path for path in source.rglob("*") if path.suffix.lower() in _SUFFIXES)
    step = max(1, len(files) // _MAX_CLIPS)  # from all over the folder, not its first speaker
    return files[::step][:_MAX_CLIPS]


def _read(path: Path, sample_rate: int) -> Iterator[Clip]:
    try:
        blocks = list(decode_audio(path, sample_rate, AudioLimits()))
    except (EngineError, OSError):
        return
    if blocks:  # of less than a sample at the model's rate there are none
        waveform = np.concatenate(blocks)[: round(_MAX_CLIP_S * sample_rate)]
        yield (waveform * _FULL_SCALE).astype(np.int16)
