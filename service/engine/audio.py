"""Audio in any shape to the waveform that the model hears: mono float32 in [-1, 1] at its rate."""

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path
from threading import Lock
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from service.engine.audio_files import open_track
from service.engine.audio_track import NativeBlock
from service.engine.errors import AudioTooLong, EmptyAudio, InvalidAudio
from service.engine.pcm import PcmDecoder
from service.engine.resampling import Resampler, require_finite

__all__ = ["AudioLimits", "DecodedAudio", "PcmDecoder", "decode_audio"]

# A file's rate may be anything that speech is recorded at. One far below would make each of its
# samples thousands of the model's.
_MIN_SAMPLE_RATE = 4_000
_MAX_SAMPLE_RATE = 384_000

# What a header may declare above the limit and still be within it: it counts codecs' padding.
_DECLARED_SLACK_S = 1.0

_BLOCK_S = 1.0  # at least; smaller blocks would cost their reader more than decoding them


@dataclass(frozen=True, slots=True)
class AudioLimits:
    """How much audio is accepted."""

    max_duration_s: float = math.inf

    def check(self, duration_s: float) -> None:
        """Raise AudioTooLong if audio of this duration is longer than accepted."""
        if round(duration_s, 6) > self.max_duration_s:  # it may be a sum, a hair above the truth
            raise AudioTooLong(
                f"The audio is longer than the limit of {self.max_duration_s:g} s. "
                "Cut it into shorter pieces."
            )


class DecodedAudio(Iterator[NDArray[np.float32]]):
    """Blocks [n], n >= 1, of one waveform, decoded as they are asked for; read once.

    Closing it early releases the file. A caller that was cancelled may close it while a thread is
    still decoding: `close` waits for that block.
    """

    def __init__(self, blocks: Generator[NDArray[np.float32], None, None], sample_rate: int):
        self._blocks = blocks
        self._sample_rate = sample_rate
        self._num_samples = 0
        self._lock = Lock()

    @property
    def duration_s(self) -> float:
        """Of what has been decoded so far: at the end less than its header says, if damaged."""
        return self._num_samples / self._sample_rate

    def __next__(self) -> NDArray[np.float32]:
        with self._lock:
            block = next(self._blocks)
            self._num_samples += len(block)
        return block

    def close(self) -> None:
        with self._lock:
            self._blocks.close()


def decode_audio(
    source: BinaryIO | bytes | Path, sample_rate: int, limits: AudioLimits
) -> DecodedAudio:
    """Decode a file of any format in constant memory.

    Channels are averaged. Samples beyond full scale, which float formats allow, are clipped. A file
    that is damaged or cut short gives what can be decoded of it.

    Args:
        source: a path, the file's bytes, or a seekable file, which is read from its start and
            stays open.
        sample_rate: of the waveform, in Hz.

    Raises (all while iterating):
        EmptyAudio: there are no bytes or no samples.
        InvalidAudio: it is not audio, nothing of it can be decoded, or a sample is not finite.
        AudioTooLong: its header says that it is longer than allowed, or it proves to be.
        OSError: the path cannot be read.
    """
    return DecodedAudio(_decode(source, sample_rate, limits), sample_rate)


def _decode(
    source: BinaryIO | bytes | Path, sample_rate: int, limits: AudioLimits
) -> Generator[NDArray[np.float32], None, None]:
    with _opened(source) as file:
        _require_bytes(file)
        with open_track(file) as track:
            if track.declared_s is not None:
                limits.check(track.declared_s - _DECLARED_SLACK_S)
            waveforms = _resampled(_checked(track.blocks, limits), sample_rate)
            yield from _joined(waveforms, round(_BLOCK_S * sample_rate))


def _opened(source: BinaryIO | bytes | Path) -> AbstractContextManager[BinaryIO]:
    if isinstance(source, Path):
        return source.open("rb")
    return nullcontext(BytesIO(source) if isinstance(source, bytes) else source)


def _require_bytes(file: BinaryIO) -> None:
    file.seek(0)
    if not file.read(1):
        raise EmptyAudio("The file is empty: it has no bytes at all.")


def _checked(blocks: Iterable[NativeBlock], limits: AudioLimits) -> Iterator[NativeBlock]:
    duration_s = 0.0
    for block in blocks:
        if not _MIN_SAMPLE_RATE <= block.sample_rate <= _MAX_SAMPLE_RATE:
            raise InvalidAudio(
                f"Audio with {block.sample_rate} samples a second is not supported. "
                f"Send it with {_MIN_SAMPLE_RATE} to {_MAX_SAMPLE_RATE} Hz."
            )
        require_finite(block.waveform, duration_s, block.sample_rate)
        duration_s += block.duration_s
        limits.check(duration_s)
        yield block
    if not duration_s:
        raise EmptyAudio("The file has no samples: it is empty, or was cut off before the first.")


def _resampled(blocks: Iterable[NativeBlock], sample_rate: int) -> Iterator[NDArray[np.float32]]:
    for native_rate, run in groupby(blocks, key=lambda block: block.sample_rate):
        resampler = Resampler(native_rate, sample_rate)
        for block in run:
            yield resampler.feed(block.waveform)
        yield resampler.finish()


def _joined(
    waveforms: Iterable[NDArray[np.float32]], min_length: int
) -> Iterator[NDArray[np.float32]]:
    """The same waveform in blocks of at least `min_length` samples, the last one excepted."""
    pending: list[NDArray[np.float32]] = []
    num_pending = 0
    for waveform in waveforms:
        pending.append(waveform)
        num_pending += len(waveform)
        if num_pending >= min_length:
            yield np.concatenate(pending)
            pending, num_pending = [], 0
    if num_pending:
        yield np.concatenate(pending)
