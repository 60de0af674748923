"""Audio in any shape to the waveforms that the model hears: float32 in [-1, 1] at its rate."""

import math
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from inspect import GEN_CLOSED, getgeneratorstate
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import BinaryIO, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.engine.audio_blocks import at_rate, mixed, same_channels
from service.engine.audio_files import open_track
from service.engine.audio_track import NativeBlock
from service.engine.errors import AudioTooLong, EmptyAudio, InvalidAudio
from service.engine.raw_audio import RawAudio
from service.engine.resampling import require_finite

Source: TypeAlias = BinaryIO | bytes | Path

# A file's rate may be anything that speech is recorded at. One far below would make each of its
# samples thousands of the model's.
_MIN_SAMPLE_RATE = 4_000
_MAX_SAMPLE_RATE = 384_000

# What a header may declare above the limit and still be within it: it counts codecs' padding.
_DECLARED_SLACK_S = 1.0


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
    """Blocks of one file's audio, [n] or [C, n], n >= 1, decoded as they are asked for; read once.

    Closing it early releases the file. A caller that was cancelled may close it while a thread is
    still decoding: `close` waits for that block.
    """

    def __init__(
        self,
        blocks: Generator[NDArray[np.float32], None, None],
        sample_rate: int,
        header: "_Header",
    ) -> None:
        self._blocks = blocks
        self._sample_rate = sample_rate
        self._header = header
        self._num_samples = 0
        self._lock = Lock()

    @property
    def duration_s(self) -> float:
        """Of what has been decoded so far: at the end less than its header says, if damaged."""
        return self._num_samples / self._sample_rate

    @property
    def declared_s(self) -> float | None:
        """How long the header says it is, once the first block was read, if it says so."""
        return self._header.declared_s

    @property
    def is_over(self) -> bool:
        """Whether it was read to its end, or to an error, or is closed: nothing is held then."""
        return getgeneratorstate(self._blocks) == GEN_CLOSED

    def __next__(self) -> NDArray[np.float32]:
        with self._lock:
            block = next(self._blocks)
            self._num_samples += block.shape[-1]
        return block

    def close(self) -> None:
        with self._lock:
            self._blocks.close()


@dataclass(slots=True)
class _Header:
    """What a file says of itself, once it is open."""

    declared_s: float | None = None


def decode_audio(
    source: Source, sample_rate: int, limits: AudioLimits, raw: RawAudio | None = None
) -> DecodedAudio:
    """Decode a file of any format in constant memory, its channels averaged: blocks [n].

    Samples beyond full scale, which float formats allow, are clipped. A file that is damaged or cut
    short gives what can be decoded of it.

    Args:
        source: a path, the file's bytes, or a seekable file, which is read from its start and
            stays open.
        sample_rate: of the waveform, in Hz.
        raw: what the file is, if it has no header.

    Raises (all while iterating):
        EmptyAudio: there are no bytes or no samples.
        InvalidAudio: it is not audio, nothing of it can be decoded, or a sample is not finite.
        AudioTooLong: its header says that it is longer than allowed, or it proves to be.
        OSError: the path cannot be read.
    """
    header = _Header()

    def mixed_blocks() -> Generator[NDArray[np.float32], None, None]:
        with _checked_blocks(source, limits, raw, header) as blocks:
            yield from (block[0] for block in at_rate(map(mixed, blocks), sample_rate))

    return DecodedAudio(mixed_blocks(), sample_rate, header)


def decode_channels(
    source: Source, sample_rate: int, limits: AudioLimits, raw: RawAudio | None = None
) -> DecodedAudio:
    """As `decode_audio`, with the channels kept apart: blocks [C, n], C the same throughout.

    Raises (all while iterating):
        InvalidAudio: also, there are more than `MAX_CHANNELS`, or their number changes.
    """
    header = _Header()

    def separate_blocks() -> Generator[NDArray[np.float32], None, None]:
        with _checked_blocks(source, limits, raw, header) as blocks:
            yield from at_rate(same_channels(blocks), sample_rate)

    return DecodedAudio(separate_blocks(), sample_rate, header)


@contextmanager
def _checked_blocks(
    source: Source, limits: AudioLimits, raw: RawAudio | None, header: _Header
) -> Iterator[Iterator[NativeBlock]]:
    with _opened(source) as file:
        _require_bytes(file)
        with open_track(file, raw) as track:
            header.declared_s = track.declared_s
            if track.declared_s is not None:
                limits.check(track.declared_s - _DECLARED_SLACK_S)
            yield _checked(track.blocks, limits)


def _opened(source: Source) -> AbstractContextManager[BinaryIO]:
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
        require_finite(block.waveforms, duration_s, block.sample_rate)
        duration_s += block.duration_s
        limits.check(duration_s)
        yield block
    if not duration_s:
        raise EmptyAudio("The file has no samples: it is empty, or was cut off before the first.")
