"""Log-mel features as one strided convolution, so that they can live inside the exported graph.

Everything that Kaldi's `compute-fbank-feats` does to a frame before the power spectrum is linear:
DC removal, pre-emphasis, the Povey window and the DFT. Their product is one matrix, applied to
every frame by a convolution whose stride is the frame shift.
Source: Kaldi, feat/feature-window.cc and feat/mel-computations.cc.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

INT16_SCALE = 32768.0
"""Kaldi computes on the values of 16-bit samples; waveforms here are in [-1, 1]."""


@dataclass(frozen=True, slots=True)
class FrontendConfig:
    """Kaldi's fbank options by their own names; the other options are at Kaldi's defaults."""

    sample_rate: int = 16000  # Hz
    frame_length_ms: float = 25.0
    frame_shift_ms: float = 10.0
    num_mel_bins: int = 80
    low_freq: float = 20.0  # Hz
    preemphasis_coefficient: float = 0.97

    @property
    def frame_length(self) -> int:
        """Samples a frame."""
        return round(self.sample_rate * self.frame_length_ms / 1000)

    @property
    def frame_shift(self) -> int:
        """Samples from one frame to the next."""
        return round(self.sample_rate * self.frame_shift_ms / 1000)

    @property
    def fft_size(self) -> int:
        """The frame length rounded up to a power of two."""
        return 1 << (self.frame_length - 1).bit_length()

    @property
    def tail_length(self) -> int:
        """Samples of the past that the first frame of a chunk reaches back to."""
        return self.frame_length - self.frame_shift


def fourier_kernel(config: FrontendConfig) -> NDArray[np.float64]:
    """The matrix [2 * num_bins, frame_length] from samples to real, then imaginary parts."""
    length = config.frame_length
    remove_mean = np.eye(length) - 1.0 / length
    emphasise = np.eye(length) - config.preemphasis_coefficient * np.eye(length, k=-1)
    emphasise[0, 0] -= config.preemphasis_coefficient
    positions = np.arange(length)
    povey = (0.5 - 0.5 * np.cos(2 * np.pi * positions / (length - 1))) ** 0.85
    bins = np.arange(config.fft_size // 2 + 1)[:, None]
    angles = 2 * np.pi * bins * positions / config.fft_size
    dft = np.concatenate([np.cos(angles), -np.sin(angles)])
    kernel: NDArray[np.float64] = INT16_SCALE * (dft * povey) @ emphasise @ remove_mean
    return kernel


def mel(frequency: NDArray[np.float64]) -> NDArray[np.float64]:
    """Hertz to mel, as Kaldi and HTK define it."""
    return 1127.0 * np.log1p(frequency / 700.0)


def hertz(mels: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mel to hertz: the inverse of `mel`."""
    return 700.0 * np.expm1(mels / 1127.0)


def mel_filters(config: FrontendConfig) -> NDArray[np.float64]:
    """Triangles on the mel scale, [num_mel_bins, num_bins]; the Nyquist bin is not used."""
    num_bins = config.fft_size // 2 + 1
    frequencies = np.arange(num_bins) * config.sample_rate / config.fft_size
    low, high = mel(np.array([config.low_freq, config.sample_rate / 2]))
    edges = np.linspace(low, high, config.num_mel_bins + 2)[:, None]
    left, centre, right = edges[:-2], edges[1:-1], edges[2:]
    mels = mel(frequencies)
    filters: NDArray[np.float64] = np.minimum(
        (mels - left) / (centre - left), (right - mels) / (right - centre)
    ).clip(min=0.0)
    filters[:, -1] = 0.0
    return filters


class LogMel(nn.Module):
    """Waveform to log-mel energies, chunk by chunk.

    Energies are floored at 1.0 on the scale of 16-bit samples, which is below the rounding noise
    of such samples: above the floor this is Kaldi's fbank, and digital silence stays finite and
    near the quietest recordings.
    """

    kernel: Tensor
    filters: Tensor

    def __init__(self, config: FrontendConfig) -> None:
        super().__init__()
        self.config = config
        kernel = torch.from_numpy(fourier_kernel(config)).float().unsqueeze(1)
        filters = torch.from_numpy(mel_filters(config)).float().unsqueeze(2)
        self.register_buffer("kernel", kernel, persistent=False)  # [2 * num_bins, 1, frame_length]
        self.register_buffer("filters", filters, persistent=False)  # [num_mel_bins, num_bins, 1]

    def forward(self, waveform: Tensor, tail: Tensor) -> tuple[Tensor, Tensor]:
        """Features of a chunk and the tail for the next one.

        Args:
            waveform: [B, S] in [-1, 1], S a multiple of the frame shift.
            tail: [B, tail_length], the samples before the chunk; zeros at the start.

        Returns:
            log-mel [B, S / frame_shift, num_mel_bins] and the next tail.
        """
        samples = torch.cat([tail, waveform], dim=1)
        spectrum = nn.functional.conv1d(
            samples.unsqueeze(1), self.kernel, stride=self.config.frame_shift
        )  # [B, 2 * num_bins, T]
        real, imaginary = spectrum.chunk(2, dim=1)
        power = real * real + imaginary * imaginary  # [B, num_bins, T]
        energies = nn.functional.conv1d(power, self.filters)  # [B, num_mel_bins, T]
        next_tail = samples[:, -self.config.tail_length :]
        return torch.log(energies.clamp(min=1.0)).transpose(1, 2), next_tail
