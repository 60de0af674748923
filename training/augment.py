"""Variation of training audio: other speeds, rooms, devices, noises and voices; and masks."""

from collections.abc import Sequence

import numpy as np
import soxr
import torch
import torchaudio.functional
from torch import Tensor

from training.channel import (
    Waveform,
    equaliser,
    mu_law,
    pass_channel,
    room_response,
    telephone_band,
    transform_length,
)
from training.config import AugmentConfig
from training.frontend import FrontendConfig, hertz, mel


class WaveformAugmenter:
    """Varies waveforms. All chance comes from the generator of the call, so a run can resume."""

    def __init__(self, config: AugmentConfig, sample_rate: int, noises: Sequence[Waveform]) -> None:
        self.config = config
        self.sample_rate = sample_rate
        self.noises = noises

    def __call__(self, waveforms: Sequence[Waveform], rng: np.random.Generator) -> list[Waveform]:
        """A batch of [n] to [about n]: another speed, perhaps a room, a device and noise.

        The whole batch plays at one speed, so that what was of equal length stays so.
        """
        change = self.config.max_speed_change
        speed = 1.0 + rng.uniform(-change, change)
        return [self._varied(self._at_speed(waveform, speed), rng) for waveform in waveforms]

    def _at_speed(self, waveform: Waveform, speed: float) -> Waveform:
        """Resampling changes tempo and pitch together, which also stands in for other voices."""
        faster: Waveform = soxr.resample(
            waveform, self.sample_rate * speed, self.sample_rate, quality="MQ"
        )
        return faster

    def _varied(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        if rng.random() < self.config.channel_probability:
            waveform = self._change_channel(waveform, rng)
        if self.noises and rng.random() < self.config.noise_probability:
            waveform = self._add_noise(waveform, rng)
        waveform = self._change_level(waveform, rng)
        return mu_law(waveform) if rng.random() < self.config.mu_law_probability else waveform

    def _change_channel(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        response = np.ones(1, np.float32)
        if rng.random() < self.config.room_share:
            response = room_response(self.sample_rate, rng)
        length = transform_length(len(waveform) + len(response))
        frequencies = np.fft.rfftfreq(length, 1 / self.sample_rate).astype(np.float32)
        gains = equaliser(frequencies, rng)
        if rng.random() < self.config.telephone_share:
            gains = gains * telephone_band(frequencies, rng)
        return pass_channel(waveform, response, gains, length)

    def _add_noise(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        noise = self.noises[int(rng.integers(len(self.noises)))]
        start = int(rng.integers(len(noise)))
        repeated = np.resize(np.roll(noise, -start), len(waveform))
        snr_db = rng.uniform(self.config.min_snr_db, self.config.max_snr_db)
        noisy = torchaudio.functional.add_noise(
            torch.from_numpy(waveform), torch.from_numpy(repeated), torch.tensor(snr_db).float()
        )
        mixed: Waveform = np.nan_to_num(noisy.numpy())  # silence divides by zero
        return mixed

    def _change_level(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        gain_db = rng.uniform(self.config.min_gain_db, self.config.max_gain_db)
        scaled: Waveform = waveform * np.float32(10 ** (gain_db / 20))
        return scaled.clip(-1.0, 1.0)


def warp_frequencies(features: Tensor, frontend: FrontendConfig, max_change: float) -> Tensor:
    """Features [B, T, F] as from other vocal tracts: each utterance's frequencies times a factor.

    What comes from beyond the last bin is that bin. Source: Jaitly and Hinton, Vocal Tract Length
    Perturbation (2013), by interpolation between the bins.
    """
    batch_size, _, num_bins = features.shape
    low, high = mel(np.array([frontend.low_freq, frontend.sample_rate / 2]))
    centres = torch.from_numpy(hertz(np.linspace(low, high, num_bins + 2)[1:-1]))  # [F], Hz
    factors = 1.0 + max_change * (2.0 * torch.rand(batch_size, 1) - 1.0)  # [B, 1]
    width = (high - low) / (num_bins + 1)
    sources = (torch.from_numpy(mel((factors * centres).numpy())) - low) / width - 1.0  # [B, F]
    sources = sources.clamp(0.0, num_bins - 1.0).unsqueeze(1)  # [B, 1, F]
    bins = torch.arange(num_bins).unsqueeze(1)
    weights = (1.0 - (sources - bins).abs()).clamp(min=0.0)  # [B, F, F'], triangles
    return torch.bmm(features, weights.to(features))


def mask_features(features: Tensor, num_frames: Tensor, config: AugmentConfig) -> Tensor:
    """SpecAugment on normalised features [B, T, F], whose mean is 0, with `num_frames` [B] real.

    Source: Park et al., SpecAugment (2019), with time masks in proportion to each utterance.
    """
    for _ in range(config.freq_masks):
        features = torchaudio.functional.mask_along_axis_iid(
            features.unsqueeze(1), config.freq_mask_bins, 0.0, axis=3
        ).squeeze(1)
    positions = torch.arange(features.shape[1], device=features.device)
    for _ in range(config.time_masks):
        chance = torch.rand(2, features.shape[0], device=features.device)
        width = chance[0] * num_frames * config.time_mask_fraction
        start = chance[1] * (num_frames - width)
        masked = (positions >= start[:, None]) & (positions < (start + width)[:, None])  # [B, T]
        features = features.masked_fill(masked.unsqueeze(2), 0.0)
    return features
