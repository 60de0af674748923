"""What lies between a mouth and a recording: a room, a microphone, perhaps a telephone."""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

Waveform = NDArray[np.float32]

DECAY_60_DB = 6.9078  # ln(1000): amplitude falls by 60 dB while exp(-x) falls this far
MU = 255.0


def room_response(sample_rate: int, rng: np.random.Generator) -> Waveform:
    """A random room's impulse response [n], its direct sound of amplitude 1 at sample 0.

    Noise that decays exponentially stands for the reflections.
    Source: Polack, La transmission de l'énergie sonore dans les salles (1988), chapter 3.
    """
    rt60_s = rng.uniform(0.1, 0.7)
    direct_to_reverberant_db = rng.uniform(-3.0, 12.0)
    first = round(sample_rate * rng.uniform(0.001, 0.01))  # reflections come later by this much
    times_s = np.arange(round(sample_rate * rt60_s)) / sample_rate
    reflections = rng.standard_normal(len(times_s)) * np.exp(-DECAY_60_DB * times_s / rt60_s)
    reflections *= 10 ** (-direct_to_reverberant_db / 20) / np.linalg.norm(reflections)
    response = np.concatenate([np.zeros(first), reflections])
    response[0] = 1.0
    return np.asarray(response, np.float32)


def equaliser(frequencies: Waveform, rng: np.random.Generator) -> Waveform:
    """A random microphone's gain at `frequencies` [n] in Hz: a slowly varying curve."""
    knots = np.array([50.0, 150.0, 400.0, 1000.0, 2500.0, 5000.0, 8000.0])
    gains_db = rng.uniform(-8.0, 8.0, len(knots))
    curve_db = np.interp(np.log(np.maximum(frequencies, 1.0)), np.log(knots), gains_db)
    return np.asarray(10 ** (curve_db / 20), np.float32)


def telephone_band(frequencies: Waveform, rng: np.random.Generator) -> Waveform:
    """A telephone's gain at `frequencies` [n] in Hz: about 300 to 3400 Hz pass."""
    low, high = rng.uniform(150.0, 350.0), rng.uniform(3200.0, 3900.0)
    rising = np.clip(frequencies / low, 0.0, 1.0) ** 2
    falling = np.clip((high * 1.1 - frequencies) / (high * 0.1), 0.0, 1.0)
    return np.asarray(rising * falling, np.float32)


def pass_channel(
    waveform: Waveform, response: Waveform, gains: Waveform, num_samples: int
) -> Waveform:
    """Filter `waveform` [n] by an impulse response and by `gains`; its level stays as it was.

    Args:
        gains: [num_samples // 2 + 1] at the frequencies of a transform of `num_samples`, at least
            as long as both inputs together.
    """
    spectrum = fft.rfft(waveform, num_samples) * fft.rfft(response, num_samples) * gains
    filtered = fft.irfft(spectrum, num_samples)[: len(waveform)]
    power = np.square(filtered).sum()
    level = np.sqrt(np.square(waveform).sum() / power) if power > 0 else 0.0
    return np.asarray(filtered * level, np.float32)


def transform_length(num_samples: int) -> int:
    """The next length that is quick to transform."""
    return int(fft.next_fast_len(num_samples, real=True))


def mu_law(waveform: Waveform) -> Waveform:
    """As an 8-bit telephone line rounds it. Source: ITU-T G.711, the continuous mu-law."""
    compressed = np.sign(waveform) * np.log1p(MU * np.abs(waveform)) / np.log1p(MU)
    rounded = np.round(compressed * 127.0) / 127.0
    expanded = np.sign(rounded) * np.expm1(np.abs(rounded) * np.log1p(MU)) / MU
    return np.asarray(expanded, np.float32)
