"""The frontend of int8 graphs: the same log-mel as `frontend`, for less arithmetic.

Two facts halve the Fourier transform, which is the largest product of the whole graph:

- Decimation in time (Cooley and Tukey 1965): with A and B the transforms of the even and of the odd
  samples of a frame, `X[k] = A[k] + B[k]` and `X[F / 2 - k] = conj(A[k] - B[k])`, so that a quarter
  of the bins, of half the samples each, gives all of them.
- What comes before the transform, but for the window, is the same for all frames that a sample is
  in: pre-emphasis is done once a sample, and the mean of a frame is one more input of the product.
  Pre-emphasis differs at a frame's first sample only, which the Povey window multiplies by zero.
"""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from training.frontend import INT16_SCALE, FrontendConfig, mel_filters

ENERGY_FLOOR = 1.0
"""As in `frontend.LogMel`."""


class ServedLogMel(nn.Module):
    """Waveform to log-mel energies, equal to `LogMel` but for rounding; takes what it takes."""

    even_kernel: Tensor
    odd_kernel: Tensor
    low_filters: Tensor
    high_filters: Tensor

    def __init__(self, config: FrontendConfig) -> None:
        super().__init__()
        self.config = config
        low, high = _folded_filters(config)
        self.register_buffer("even_kernel", _kernel(config, phase=0), persistent=False)
        self.register_buffer("odd_kernel", _kernel(config, phase=1), persistent=False)
        self.register_buffer("low_filters", low, persistent=False)
        self.register_buffer("high_filters", high, persistent=False)

    def forward(self, waveform: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """[B, S] and tail [B, tail_length] to [B, S / frame_shift, num_mel_bins], the next tail."""
        config = self.config
        samples = torch.cat([tail, waveform], dim=1)  # [B, L]
        before = nn.functional.pad(samples[:, :-1], (1, 0))
        emphasised = samples - config.preemphasis_coefficient * before
        mean = _frame_means(samples, config)
        even = _frames(emphasised[:, 0::2], mean, config) @ self.even_kernel  # [B, T, 2 * K]
        odd = _frames(emphasised[:, 1::2], mean, config) @ self.odd_kernel
        low, high = even + odd, even - odd  # bins 1..K, and their mirror images
        energies = (low * low) @ self.low_filters + (high * high) @ self.high_filters
        return torch.log(energies.clamp(min=ENERGY_FLOOR)), samples[:, -config.tail_length :]


def _frame_means(samples: Tensor, config: FrontendConfig) -> Tensor:
    """Samples [B, L] to the mean of each frame [B, T, 1], through sums of what frames share."""
    block = math.gcd(config.frame_length, config.frame_shift)
    sums = samples.reshape(samples.shape[0], 1, -1, block).sum(dim=3)
    weights = sums.new_full((1, 1, config.frame_length // block), 1.0 / config.frame_length)
    means = nn.functional.conv1d(sums, weights, stride=config.frame_shift // block)
    return means.transpose(1, 2)


def _frames(half: Tensor, mean: Tensor, config: FrontendConfig) -> Tensor:
    """Every second sample [B, L / 2] to frames with their means [B, T, frame_length / 2 + 1]."""
    shift, length = config.frame_shift // 2, config.frame_length // 2
    num_blocks = -(-length // shift)
    padded = nn.functional.pad(half, (0, num_blocks * shift - length))
    blocks = padded.reshape(half.shape[0], -1, shift)  # [B, T + num_blocks - 1, shift]
    num_frames = mean.shape[1]
    pieces = [
        blocks[:, i : i + num_frames, : min(shift, length - i * shift)] for i in range(num_blocks)
    ]
    return torch.cat([*pieces, mean], dim=2)


def _kernel(config: FrontendConfig, phase: int) -> Tensor:
    """From the samples n = phase, phase + 2, ... and the mean to bins 1..K, real, then imaginary.

    Returns [frame_length / 2 + 1, 2 * K].
    """
    num_bins = config.fft_size // 4
    positions = np.arange(phase, config.frame_length, 2)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * positions / (config.frame_length - 1))) ** 0.85
    angles = 2 * np.pi * positions[:, None] * np.arange(1, num_bins + 1) / config.fft_size
    fourier = window[:, None] * np.concatenate([np.cos(angles), -np.sin(angles)], axis=1)
    of_mean = -(1.0 - config.preemphasis_coefficient) * fourier.sum(axis=0, keepdims=True)
    return torch.from_numpy(INT16_SCALE * np.concatenate([fourier, of_mean])).float()


def _folded_filters(config: FrontendConfig) -> tuple[Tensor, Tensor]:
    """Mel filters [2 * K, num_mel_bins] of bins 1..K and of bins F / 2 - 1, ..., F / 2 - K.

    Bin K is in both; the second has no weight for it. Bins 0 and F / 2 are in no filter.
    """
    filters = mel_filters(config).T  # [F / 2 + 1, num_mel_bins]
    num_bins = config.fft_size // 4
    low = filters[1 : num_bins + 1]
    high = filters[::-1][1 : num_bins + 1].copy()
    high[-1] = 0.0
    return _twice(low), _twice(high)


def _twice(filters: NDArray[np.float64]) -> Tensor:
    """The same weights for real and imaginary parts."""
    return torch.from_numpy(np.concatenate([filters, filters])).float()
