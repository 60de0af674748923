"""A file's blocks of audio to those that the model hears: mixed or not, at its rate."""

from collections.abc import Generator, Iterable, Iterator
from itertools import groupby
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.engine.audio_track import NativeBlock
from service.engine.errors import InvalidAudio
from service.engine.resampling import Resampler

MAX_CHANNELS: Final = 8  # that are kept apart: each takes a place of its own in the engine

_BLOCK_S = 5.0  # at least; smaller blocks would cost their reader more than decoding them


def mixed(block: NativeBlock) -> NativeBlock:
    """The mean of a block's channels: [1, n]."""
    if len(block.waveforms) == 1:
        return block
    mean: NDArray[np.float64] = block.waveforms.mean(axis=0, dtype=np.float64, keepdims=True)
    return NativeBlock(mean.astype(np.float32), block.sample_rate)


def same_channels(blocks: Iterable[NativeBlock]) -> Iterator[NativeBlock]:
    num_channels = None
    for block in blocks:
        num_channels = num_channels or len(block.waveforms)
        if num_channels > MAX_CHANNELS:
            raise InvalidAudio(
                f"The audio has {num_channels} channels; at most {MAX_CHANNELS} can be kept "
                "apart. Mix them, or send fewer."
            )
        if len(block.waveforms) != num_channels:
            raise InvalidAudio(
                f"The audio changes from {num_channels} to {len(block.waveforms)} channels, which "
                "cannot be kept apart. Mix them."
            )
        yield block


def at_rate(
    blocks: Iterable[NativeBlock], sample_rate: int
) -> Generator[NDArray[np.float32], None, None]:
    """Blocks of C channels as [C, n] at `sample_rate`, each of `_BLOCK_S` or more but the last."""
    yield from _joined(_resampled(blocks, sample_rate), round(_BLOCK_S * sample_rate))


def _resampled(blocks: Iterable[NativeBlock], sample_rate: int) -> Iterator[NDArray[np.float32]]:
    for native_rate, run in groupby(blocks, key=lambda block: block.sample_rate):
        resamplers: list[Resampler] = []
        for block in run:
            resamplers = resamplers or [
                Resampler(native_rate, sample_rate) for _ in block.waveforms
            ]
            fed = zip(resamplers, block.waveforms, strict=True)
            yield _stacked([resampler.feed(waveform) for resampler, waveform in fed])
        yield _stacked([resampler.finish() for resampler in resamplers])


def _stacked(channels: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Channels [n] as [C, n]; the only one is not copied for it."""
    return channels[0][np.newaxis] if len(channels) == 1 else np.stack(channels)


def _joined(
    waveforms: Iterable[NDArray[np.float32]], min_length: int
) -> Iterator[NDArray[np.float32]]:
    """The same waveforms [C, n] in blocks of at least `min_length` samples, but for the last."""
    pending: list[NDArray[np.float32]] = []
    num_pending = 0
    for waveform in waveforms:
        if waveform.size:
            pending.append(waveform)
            num_pending += waveform.shape[1]
        if num_pending >= min_length:
            yield _concatenated(pending)
            pending, num_pending = [], 0
    if pending:
        yield _concatenated(pending)


def _concatenated(waveforms: list[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Waveforms [C, n] one after the other; the only one is not copied for it."""
    return waveforms[0] if len(waveforms) == 1 else np.concatenate(waveforms, axis=1)
