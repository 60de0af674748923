"""Variation of training audio: speed, noise and level on waveforms, masks on features."""

from collections.abc import Sequence

import numpy as np
import soxr
import torch
import torchaudio.functional
from numpy.typing import NDArray
from torch import Tensor

from training.config import AugmentConfig

Waveform = NDArray[np.float32]


class WaveformAugmenter:
    """Varies waveforms. All chance comes from the generator of the call, so a run can resume."""

    def __init__(self, config: AugmentConfig, sample_rate: int, noises: Sequence[Waveform]) -> None:
        self.config = config
        self.sample_rate = sample_rate
        self.noises = noises

    def __call__(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """[n] to [about n]: another speed, perhaps with noise, at another level."""
        varied = self._change_speed(waveform, rng)
        if self.noises and rng.random() < self.config.noise_probability:
            varied = self._add_noise(varied, rng)
        return self._change_level(varied, rng)

    def _change_speed(self, waveform: Waveform, rng: np.random.Generator) -> Waveform:
        """Resampling changes tempo and pitch together, which also stands in for other voices."""
        change = self.config.max_speed_change
        factor = 1.0 + rng.uniform(-change, change)
        faster: Waveform = soxr.resample(
            waveform, self.sample_rate * factor, self.sample_rate, quality="MQ"
        )
        return faster

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
