"""The features against two independent implementations of Kaldi's fbank."""

import kaldi_native_fbank
import numpy as np
import pytest
import torch
import torchaudio
from numpy.typing import NDArray

from training.frontend import INT16_SCALE, FrontendConfig, LogMel

CONFIG = FrontendConfig()
TOLERANCE = 2e-3  # of natural-log energies: float32 on both sides


def speech_like(num_samples: int) -> NDArray[np.float32]:
    """Harmonics that glide under an envelope, with noise: energy in all bins."""
    rng = np.random.default_rng(7)
    time_s = np.arange(num_samples) / CONFIG.sample_rate
    pitch = 120 + 40 * np.sin(2 * np.pi * 0.7 * time_s)
    phase = 2 * np.pi * np.cumsum(pitch) / CONFIG.sample_rate
    voice = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 30))
    envelope = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time_s)
    noisy = 0.1 * voice * envelope + rng.normal(0, 0.01, num_samples)
    return noisy.astype(np.float32)


def log_mel(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """Frames as Kaldi cuts them: the first one starts at the first sample."""
    tail, rest = np.split(waveform, [CONFIG.tail_length])
    whole = rest[: len(rest) // CONFIG.frame_shift * CONFIG.frame_shift]
    features, _ = LogMel(CONFIG)(torch.from_numpy(whole[None]), torch.from_numpy(tail[None]))
    frames: NDArray[np.float32] = features[0].numpy()
    return frames


def kaldi_native(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    options = kaldi_native_fbank.FbankOptions()
    options.frame_opts.dither = 0.0
    options.mel_opts.num_bins = CONFIG.num_mel_bins
    fbank = kaldi_native_fbank.OnlineFbank(options)
    fbank.accept_waveform(CONFIG.sample_rate, (waveform * INT16_SCALE).tolist())
    fbank.input_finished()
    return np.stack([fbank.get_frame(index) for index in range(fbank.num_frames_ready)])


def torchaudio_kaldi(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    features = torchaudio.compliance.kaldi.fbank(
        torch.from_numpy(waveform[None]) * INT16_SCALE,
        num_mel_bins=CONFIG.num_mel_bins,
        sample_frequency=CONFIG.sample_rate,
        dither=0.0,
    )
    frames: NDArray[np.float32] = features.numpy()
    return frames


@pytest.mark.parametrize("reference", [kaldi_native, torchaudio_kaldi])
def test_equals_kaldi(reference: object) -> None:
    assert callable(reference)
    waveform = speech_like(2 * CONFIG.sample_rate)
    expected = reference(waveform)
    found = log_mel(waveform)
    assert found.shape == expected.shape
    assert np.abs(found - np.maximum(expected, 0.0)).max() < TOLERANCE


def test_digital_silence_is_finite() -> None:
    assert (log_mel(np.zeros(1600, np.float32)) == 0.0).all()


def test_chunks_equal_whole() -> None:
    waveform = torch.from_numpy(speech_like(CONFIG.frame_shift * 50)[None])
    module, tail = LogMel(CONFIG), torch.zeros(1, CONFIG.tail_length)
    whole, _ = module(waveform, tail)
    pieces = []
    for chunk in torch.split(waveform, [160, 1600, 3200, 320, 2720], dim=1):
        features, tail = module(chunk, tail)
        pieces.append(features)
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-4, rtol=0)
