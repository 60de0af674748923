"""WAV files as most programs write them: one header, then 16-bit PCM until the end.

numpy reads them at a fraction of what libsndfile takes through a Python file, and alike.
"""

import os
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from service.engine.audio_track import BLOCK_SAMPLES, AudioTrack, NativeBlock

_HEADER = struct.Struct("<4sI4s 4sIHHIIHH 4sI")
_PCM, _BITS = 1, 16


@dataclass(frozen=True, slots=True)
class _Pcm16:
    num_channels: int
    sample_rate: int  # Hz
    num_bytes: int  # of the samples

    @property
    def bytes_per_frame(self) -> int:
        return self.num_channels * _BITS // 8


def plain_wav(file: BinaryIO) -> AudioTrack | None:
    """The audio of such a file, which must stay open while it is read; None for any other."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    pcm = _parsed(file.read(_HEADER.size), size)
    if pcm is None:
        return None
    duration_s = pcm.num_bytes / pcm.bytes_per_frame / pcm.sample_rate
    return AudioTrack(duration_s, _blocks(file, pcm))


def _parsed(header: bytes, size: int) -> _Pcm16 | None:
    if len(header) < _HEADER.size:
        return None
    riff, riff_size, wave, *about, data, num_bytes = _HEADER.unpack(header)
    fmt, fmt_size, kind, num_channels, sample_rate, _, bytes_per_frame, bits = about
    names = (riff, wave, fmt, data) == (b"RIFF", b"WAVE", b"fmt ", b"data")
    if not names or (fmt_size, kind, bits) != (16, _PCM, _BITS):
        return None
    if riff_size + 8 != size or num_bytes + len(header) != size:
        return None
    pcm = _Pcm16(num_channels, sample_rate, num_bytes)
    if not (num_bytes and num_channels and sample_rate) or pcm.bytes_per_frame != bytes_per_frame:
        return None
    return None if num_bytes % bytes_per_frame else pcm


def _blocks(file: BinaryIO, pcm: _Pcm16) -> Iterator[NativeBlock]:
    file.seek(_HEADER.size)
    num_frames = max(1, BLOCK_SAMPLES // pcm.num_channels)
    while block := file.read(num_frames * pcm.bytes_per_frame):
        samples = np.frombuffer(block, "<i2") * np.float32(2.0 ** (1 - _BITS))
        yield NativeBlock(samples.reshape(-1, pcm.num_channels).T, pcm.sample_rate)
