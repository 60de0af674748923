"""The log-mel features in ONNX graphs: as `frontend` has them, and for less arithmetic.

Two facts halve the Fourier transform, which is the largest product of the whole graph:

- Decimation in time (Cooley and Tukey 1965): with A and B the transforms of the even and of the odd
  samples of a frame, `X[k] = A[k] + B[k]` and `X[F / 2 - k] = conj(A[k] - B[k])`, so that a quarter
  of the bins, of half the samples each, gives all of them.
- What comes before the transform, but for the window, is the same for all frames that a sample is
  in: pre-emphasis is done once a sample, and the mean of a frame is one more input of the product.
  Pre-emphasis differs at a frame's first sample only, which the Povey window multiplies by zero.

It rounds ten times more coarsely than `frontend`, which moves float32's log-probabilities by up to
3e-4 and is little beside int8.
"""

import math

import numpy as np
from numpy.typing import NDArray

from training.frontend import INT16_SCALE, FrontendConfig, fourier_kernel, mel_filters
from training.onnx_builder import END, GraphBuilder, Value

ENERGY_FLOOR = 1.0
"""As in `frontend.LogMel`."""


def log_mel(graph: GraphBuilder, samples: Value, config: FrontendConfig) -> Value:
    """As `frontend.LogMel`: samples [B, tail_length + S] to [B, S / frame_shift, num_mel_bins]."""
    kernel = fourier_kernel(config).astype(np.float32)[:, None]
    spectrum = graph.node(
        "Conv",
        graph.node("Unsqueeze", samples, np.array([1])),
        kernel,
        strides=[config.frame_shift],
    )  # [B, 2 * num_bins, T]
    parts = graph.nodes("Split", spectrum, num_outputs=2, axis=1)
    power = graph.node("Add", *(graph.node("Mul", part, part) for part in parts))
    filters = mel_filters(config).astype(np.float32)[:, :, None]
    return graph.node("Transpose", _log(graph, graph.node("Conv", power, filters)), perm=[0, 2, 1])


def fast_log_mel(graph: GraphBuilder, samples: Value, config: FrontendConfig) -> Value:
    """Equal to `log_mel` but for rounding; takes and gives what it does."""
    before = graph.node("Pad", samples, np.array([0, 1, 0, -1]), np.float32(0.0))
    emphasised = graph.node(
        "Sub", samples, graph.node("Mul", before, np.float32(config.preemphasis_coefficient))
    )
    missing = _num_shifts(config) * config.frame_shift - config.frame_length
    whole = graph.node("Pad", emphasised, np.array([0, 0, 0, missing]), np.float32(0.0))
    blocks = graph.reshape(whole, 0, -1, config.frame_shift)  # [B, T + num_shifts - 1, frame_shift]
    means = _frame_means(graph, samples, config)
    even, odd = (
        graph.node("MatMul", _frames(graph, blocks, means, config, phase), _kernel(config, phase))
        for phase in (0, 1)
    )  # [B, T, 2 * K]
    energies = [
        graph.node("MatMul", graph.node("Mul", half, half), filters)
        for half, filters in zip(
            (graph.node("Add", even, odd), graph.node("Sub", even, odd)),
            _folded_filters(config),
            strict=True,
        )
    ]  # of bins 1..K, and of their mirror images
    return _log(graph, graph.node("Add", *energies))


def _log(graph: GraphBuilder, energies: Value) -> Value:
    return graph.node("Log", graph.node("Clip", energies, np.float32(ENERGY_FLOOR)))


def _frame_means(graph: GraphBuilder, samples: Value, config: FrontendConfig) -> Value:
    """Samples [B, L] to the mean of each frame [B, T, 1], through sums of what frames share."""
    block = math.gcd(config.frame_length, config.frame_shift)
    blocks = graph.reshape(samples, 0, 1, -1, block)
    sums = graph.node("ReduceSum", blocks, np.array([3]), keepdims=0)
    weights = np.full((1, 1, config.frame_length // block), 1.0 / config.frame_length, np.float32)
    means = graph.node("Conv", sums, weights, strides=[config.frame_shift // block])
    return graph.node("Transpose", means, perm=[0, 2, 1])


def _frames(
    graph: GraphBuilder, blocks: Value, means: Value, config: FrontendConfig, phase: int
) -> Value:
    """Every second sample of each frame, from a phase on, and its mean.

    Blocks [B, T + n, frame_shift] and means [B, T, 1] to [B, T, frame_length / 2 + 1].
    """
    num_shifts = _num_shifts(config)
    pieces = []
    for index in range(num_shifts):
        after = index + 1 - num_shifts  # blocks that later pieces begin with
        width = min(config.frame_shift, config.frame_length - index * config.frame_shift)
        starts, ends = np.array([index, phase]), np.array([after or END, width])
        axes, steps = np.array([1, 2]), np.array([1, 2])
        pieces.append(graph.node("Slice", blocks, starts, ends, axes, steps))
    return graph.node("Concat", *pieces, means, axis=2)


def _num_shifts(config: FrontendConfig) -> int:
    """How many frame shifts a frame reaches over, the last perhaps in part."""
    return -(-config.frame_length // config.frame_shift)


def _kernel(config: FrontendConfig, phase: int) -> NDArray[np.float32]:
    """From the samples n = phase, phase + 2, ... and the mean to bins 1..K, real, then imaginary.

    Returns [frame_length / 2 + 1, 2 * K].
    """
    num_bins = config.fft_size // 4
    positions = np.arange(phase, config.frame_length, 2)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * positions / (config.frame_length - 1))) ** 0.85
    angles = 2 * np.pi * positions[:, None] * np.arange(1, num_bins + 1) / config.fft_size
    fourier = window[:, None] * np.concatenate([np.cos(angles), -np.sin(angles)], axis=1)
    of_mean = -(1.0 - config.preemphasis_coefficient) * fourier.sum(axis=0, keepdims=True)
    return (INT16_SCALE * np.concatenate([fourier, of_mean])).astype(np.float32)


def _folded_filters(config: FrontendConfig) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Mel filters [2 * K, num_mel_bins] of bins 1..K and of bins F / 2 - 1, ..., F / 2 - K.

    Bin K is in both; the second has no weight for it. Bins 0 and F / 2 are in no filter.
    """
    filters = mel_filters(config).T  # [F / 2 + 1, num_mel_bins]
    num_bins = config.fft_size // 4
    low = filters[1 : num_bins + 1]
    high = filters[::-1][1 : num_bins + 1].copy()
    high[-1] = 0.0
    return _twice(low), _twice(high)


def _twice(filters: NDArray[np.float64]) -> NDArray[np.float32]:
    """The same weights for real and imaginary parts."""
    return np.concatenate([filters, filters]).astype(np.float32)
