"""Conditions to measure in: what telephones, levels, noise and rooms do to a clean recording.

Rooms are made in another way than training makes its own, and the noise should be other noise, so
that a model is measured on what it has not learned.
"""

import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from scipy import signal

from training.channel import Waveform, mu_law
from training.recordings import read_waveform

CLEAN = "clean"
_SEED = 20_250
_TELEPHONE_RATE = 8000
_TELEPHONE_BAND_HZ = (300.0, 3400.0)
_QUIET_PEAK_DBFS = -40.0
_LOUD_PEAK_DBFS = 12.0  # beyond full scale, which clips
_PCM_SCALE = 32767.0
_NOISE_SUFFIXES = {".wav", ".flac", ".ogg", ".opus", ".mp3"}


class InvalidCondition(Exception):
    """A condition cannot be made. The message names what is missing."""


@dataclass(frozen=True, slots=True)
class Conditioner:
    """Puts recordings under a condition, each always in the same way."""

    condition: str
    sample_rate: int
    noises: Sequence[Waveform] = ()

    def __post_init__(self) -> None:
        if self.condition not in CONDITIONS:
            known = ", ".join(CONDITIONS)
            raise InvalidCondition(f"condition {self.condition!r} is not one of {known}")
        if self.condition.startswith("noise") and not self.noises:
            raise InvalidCondition(
                f"condition {self.condition} needs recordings of noise (--noise)"
            )

    def __call__(self, waveform: Waveform, name: str) -> Waveform:
        """[n] to [n], within full scale. The same `name` draws the same noise and the same room."""
        rng = np.random.default_rng([_SEED, zlib.crc32(name.encode())])
        changed = CONDITIONS[self.condition](self, waveform, rng)
        return np.asarray(changed.clip(-1.0, 1.0), np.float32)

    def recording(self, audio: Path) -> Waveform:
        """The waveform [n] of a recording under the condition. Raises InvalidAudio, OSError."""
        return self(read_waveform(audio, self.sample_rate), audio.stem)


def named_conditions(names: Sequence[str] | None) -> tuple[str, ...]:
    """Each of the names once, in their order; clean where there is none."""
    return tuple(dict.fromkeys(names or (CLEAN,)))


def load_noises(folder: Path, sample_rate: int) -> list[Waveform]:
    """All recordings below a folder, by name.

    Raises InvalidCondition where there are none, InvalidAudio where one cannot be read; OSError.
    """
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in _NOISE_SUFFIXES)
    if not paths:
        raise InvalidCondition(f"{folder} holds no recordings of noise")
    return [read_waveform(path, sample_rate) for path in paths]


def _clean(_: Conditioner, waveform: Waveform, __: np.random.Generator) -> Waveform:
    return waveform


def _telephone(call: Conditioner, waveform: Waveform, _: np.random.Generator) -> Waveform:
    """300 to 3400 Hz at 8 kHz in 8-bit mu-law. Source: ITU-T G.711."""
    narrow = soxr.resample(waveform, call.sample_rate, _TELEPHONE_RATE)
    band = signal.butter(4, _TELEPHONE_BAND_HZ, "bandpass", fs=_TELEPHONE_RATE, output="sos")
    filtered = signal.sosfilt(band, narrow).clip(-1.0, 1.0)
    wide = soxr.resample(mu_law(filtered), _TELEPHONE_RATE, call.sample_rate)[: len(waveform)]
    padded: Waveform = np.pad(wide, (0, len(waveform) - len(wide)))
    return padded


def _at_peak(peak_dbfs: float) -> "_Change":
    """At another level, as 16-bit samples: what is quiet loses bits, what is loud is clipped."""

    def change(_: Conditioner, waveform: Waveform, __: np.random.Generator) -> Waveform:
        gain = 10 ** (peak_dbfs / 20) / max(float(np.abs(waveform).max(initial=0.0)), 1e-6)
        return np.asarray(np.round(waveform * (gain * _PCM_SCALE)) / _PCM_SCALE, np.float32)

    return change


def _with_noise(snr_db: float) -> "_Change":
    """With a stretch of one of the noises, so much weaker than the speech."""

    def change(call: Conditioner, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        noise = call.noises[int(rng.integers(len(call.noises)))]
        stretch = np.resize(np.roll(noise, -int(rng.integers(len(noise)))), len(waveform))
        speech_power, noise_power = (float(np.square(x).mean()) for x in (waveform, stretch))
        gain = np.sqrt(speech_power / max(noise_power, 1e-12) / 10 ** (snr_db / 10))
        mixed: Waveform = waveform + np.float32(gain) * stretch
        return mixed

    return change


def _reverberant(call: Conditioner, waveform: Waveform, rng: np.random.Generator) -> Waveform:
    """In a furnished room, by its image sources; as loud as it was, its first sound in its place.

    Source: Allen and Berkley, Image method for efficiently simulating small-room acoustics (1979).
    """
    import pyroomacoustics

    size_m = rng.uniform((3.0, 3.0, 2.4), (8.0, 6.0, 3.2))
    microphone, mouth = (rng.uniform(0.5, size_m - 0.5) for _ in range(2))
    walls = pyroomacoustics.Material(float(rng.uniform(0.1, 0.35)))
    room = pyroomacoustics.ShoeBox(size_m, fs=call.sample_rate, materials=walls, max_order=20)
    room.add_source(mouth)
    room.add_microphone(microphone)
    room.compute_rir()
    response = np.asarray(room.rir[0][0], np.float32)
    direct_s = np.linalg.norm(microphone - mouth) / room.c
    filter_delay = pyroomacoustics.constants.get("frac_delay_length") // 2
    direct = round(direct_s * call.sample_rate) + filter_delay
    heard = signal.fftconvolve(waveform, response)[direct : direct + len(waveform)]
    power = float(np.square(heard).mean())
    level = np.sqrt(float(np.square(waveform).mean()) / power) if power > 0 else 1.0
    return np.asarray(heard * level, np.float32)


_Change = Callable[[Conditioner, Waveform, np.random.Generator], Waveform]

CONDITIONS: Mapping[str, _Change] = {
    CLEAN: _clean,
    "telephone": _telephone,
    "quiet": _at_peak(_QUIET_PEAK_DBFS),
    "loud": _at_peak(_LOUD_PEAK_DBFS),
    "noise10": _with_noise(10.0),
    "noise5": _with_noise(5.0),
    "reverb": _reverberant,
}
