"""What a simulated room, microphone and telephone do to audio."""

import numpy as np
import pytest

from training.channel import (
    equaliser,
    mu_law,
    pass_channel,
    room_response,
    telephone_band,
    transform_length,
)

SAMPLE_RATE = 16000


def noise(num_samples: int = SAMPLE_RATE) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    return np.random.default_rng(7).normal(0, 0.1, num_samples).astype(np.float32)


def test_a_channel_that_does_nothing_changes_nothing() -> None:
    length = transform_length(SAMPLE_RATE + 1)
    flat = np.ones(length // 2 + 1, np.float32)
    passed = pass_channel(noise(), np.ones(1, np.float32), flat, length)
    np.testing.assert_allclose(passed, noise(), atol=1e-6)


def test_filtering_is_convolution_at_the_same_level() -> None:
    response = np.array([1.0, 0.0, 0.5], np.float32)
    length = transform_length(SAMPLE_RATE + 3)
    passed = pass_channel(noise(), response, np.ones(length // 2 + 1, np.float32), length)
    expected = np.convolve(noise(), response)[:SAMPLE_RATE]
    expected *= np.linalg.norm(noise()) / np.linalg.norm(expected)
    np.testing.assert_allclose(passed, expected, atol=1e-5)


def test_silence_passes_as_silence() -> None:
    length = transform_length(2000)
    flat = np.ones(length // 2 + 1, np.float32)
    silence = np.zeros(1000, np.float32)
    assert not pass_channel(
        silence, room_response(1000, np.random.default_rng(0)), flat, length
    ).any()


@pytest.mark.parametrize("seed", range(5))
def test_a_room_has_its_direct_sound_first_and_dies_away(seed: int) -> None:
    response = room_response(SAMPLE_RATE, np.random.default_rng(seed))
    assert response[0] == 1.0
    assert not response[1:16].any()
    energy = np.square(response[1:])
    third = len(energy) // 3
    assert energy[-third:].sum() < 0.01 * energy[:third].sum()


def test_a_telephone_passes_speech_between_300_and_3400_hertz_only() -> None:
    frequencies = np.array([20.0, 1000.0, 3000.0, 5000.0], np.float32)
    for seed in range(5):
        gains = telephone_band(frequencies, np.random.default_rng(seed))
        assert gains[0] < 0.02
        assert gains[1] == gains[2] == 1.0
        assert gains[3] == 0.0


def test_a_microphone_colours_within_bounds() -> None:
    frequencies = np.linspace(0.0, 8000.0, 100, dtype=np.float32)
    gains_db = 20 * np.log10(equaliser(frequencies, np.random.default_rng(0)))
    assert np.abs(gains_db).max() <= 8.0
    assert gains_db.max() - gains_db.min() > 3.0


def test_mu_law_rounds_to_eight_bits_and_keeps_quiet_sounds() -> None:
    waveform = noise()
    rounded = mu_law(waveform)
    assert len(np.unique(rounded)) <= 256
    assert np.abs(rounded - waveform).max() < 0.03
    quiet = waveform * np.float32(0.01)
    error = np.linalg.norm(mu_law(quiet) - quiet) / np.linalg.norm(quiet)
    assert error < 0.1
