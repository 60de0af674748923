"""What augmentation may and may not do to audio and features."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.augment import WaveformAugmenter, mask_features, warp_frequencies
from training.config import AugmentConfig
from training.frontend import FrontendConfig, hertz, mel

SAMPLE_RATE = 8000
STILL = AugmentConfig(max_speed_change=0.0, min_gain_db=0.0, max_gain_db=0.0)


def tone(duration_s: float = 1.0) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    positions = np.arange(round(duration_s * SAMPLE_RATE))
    return (0.3 * np.sin(2 * np.pi * 440 * positions / SAMPLE_RATE)).astype(np.float32)


def test_nothing_configured_changes_nothing() -> None:
    augmenter = WaveformAugmenter(STILL, SAMPLE_RATE, noises=())
    np.testing.assert_allclose(augmenter([tone()], np.random.default_rng(0))[0], tone(), atol=1e-3)


def test_speed_changes_the_length_within_bounds() -> None:
    config = AugmentConfig(max_speed_change=0.1)
    augmenter = WaveformAugmenter(config, SAMPLE_RATE, noises=())
    lengths = [len(augmenter([tone()], np.random.default_rng(seed))[0]) for seed in range(30)]
    assert min(lengths) >= SAMPLE_RATE / 1.1 - 1
    assert max(lengths) <= SAMPLE_RATE / 0.9 + 1
    assert max(lengths) - min(lengths) > 0.1 * SAMPLE_RATE


def test_a_batch_keeps_equal_lengths_equal() -> None:
    augmenter = WaveformAugmenter(AugmentConfig(max_speed_change=0.1), SAMPLE_RATE, noises=())
    varied = augmenter([tone()] * 10, np.random.default_rng(0))
    assert len({len(waveform) for waveform in varied}) == 1


def test_gain_never_leaves_full_scale() -> None:
    config = AugmentConfig(max_speed_change=0.0, min_gain_db=30.0, max_gain_db=30.0)
    augmenter = WaveformAugmenter(config, SAMPLE_RATE, noises=())
    assert np.abs(augmenter([tone()], np.random.default_rng(0))[0]).max() == 1.0


def test_noise_has_the_configured_ratio() -> None:
    config = AugmentConfig(
        max_speed_change=0.0,
        min_gain_db=0.0,
        max_gain_db=0.0,
        noise_folder="given",
        noise_probability=1.0,
        min_snr_db=10.0,
        max_snr_db=10.0,
    )
    noise = np.random.default_rng(1).normal(0, 1, 2 * SAMPLE_RATE).astype(np.float32)
    [noisy] = WaveformAugmenter(config, SAMPLE_RATE, [noise])([tone()], np.random.default_rng(0))
    added = noisy - tone()
    snr_db = 10 * np.log10(np.square(tone()).sum() / np.square(added).sum())
    assert snr_db == pytest.approx(10.0, abs=0.2)


@pytest.mark.parametrize("silent", ["noise", "waveform"])
@pytest.mark.filterwarnings("ignore:invalid value")
def test_silence_stays_finite(silent: str) -> None:
    config = AugmentConfig(noise_folder="given", noise_probability=1.0)
    zeros = np.zeros(SAMPLE_RATE, np.float32)
    noise, waveform = (zeros, tone()) if silent == "noise" else (tone(), zeros)
    [varied] = WaveformAugmenter(config, SAMPLE_RATE, [noise])([waveform], np.random.default_rng(0))
    assert np.isfinite(varied).all()


def test_masks_set_whole_bands_and_spans_to_the_mean() -> None:
    torch.manual_seed(0)
    features = torch.ones(8, 100, 20)
    config = AugmentConfig(freq_masks=1, freq_mask_bins=6, time_masks=1, time_mask_fraction=0.2)
    masked = mask_features(features, torch.full((8,), 100.0), config)
    assert set(masked.flatten().tolist()) == {0.0, 1.0}
    masked_bins = (masked == 0).all(dim=1).sum(dim=1)  # [B]
    masked_frames = (masked == 0).all(dim=2).sum(dim=1)  # [B]
    assert masked_bins.max() <= 6
    assert 0 < masked_frames.max() <= 21


def test_masks_can_be_off() -> None:
    features = torch.ones(2, 10, 20)
    config = AugmentConfig(freq_masks=0, time_masks=0)
    assert torch.equal(mask_features(features, torch.full((2,), 10.0), config), features)


def test_a_channel_keeps_length_and_level() -> None:
    config = replace(STILL, channel_probability=1.0, room_share=1.0, telephone_share=1.0)
    augmenter = WaveformAugmenter(config, SAMPLE_RATE, noises=())
    varied = augmenter([tone()], np.random.default_rng(0))[0]
    assert varied.shape == tone().shape
    assert np.linalg.norm(varied) == pytest.approx(np.linalg.norm(tone()), rel=1e-3)
    assert np.abs(varied - tone()).max() > 0.01


def test_a_warp_of_nothing_changes_nothing() -> None:
    features = torch.randn(3, 7, 80)
    warped = warp_frequencies(features, FrontendConfig(), 0.0)
    torch.testing.assert_close(warped, features, atol=1e-4, rtol=0)


def test_a_warp_moves_a_tone_by_its_factor() -> None:
    frontend = FrontendConfig()
    low, high = mel(np.array([20.0, 8000.0]))
    centres = np.linspace(low, high, frontend.num_mel_bins + 2)[1:-1]
    positions = torch.from_numpy(hertz(centres)).float().expand(64, 1, -1)  # [B, 1, F]: Hz of bins
    torch.manual_seed(0)
    warped = warp_frequencies(positions, frontend, 0.1)
    factors = (warped / positions)[:, 0, 30]
    assert 0.9 <= factors.min() < 0.92
    assert 1.08 < factors.max() <= 1.1
    for bins in (10, 50):  # below the last bins, an utterance has one factor
        torch.testing.assert_close((warped / positions)[:, 0, bins], factors, atol=4e-3, rtol=0)
