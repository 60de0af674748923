"""Raw PCM, as telephones and microphones stream it: bytes without a header to a waveform."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import brief
from service.engine.errors import InvalidAudio, UnsupportedEncoding
from service.engine.resampling import Resampler, require_finite

MIN_SAMPLE_RATE = 8_000
MAX_SAMPLE_RATE = 48_000

Decode: TypeAlias = Callable[[bytes], NDArray[np.float32]]


def _mulaw_levels() -> NDArray[np.float32]:
    """The level of each mu-law byte [256], in [-1, 1].

    ITU-T G.711 (11/88), table 2: all bits are sent inverted; then come a sign, three bits of
    segment and four of step. Segment s begins at 33 * 2^s - 33 and has steps of 2^(s+1), on a
    scale that ends at 8192.
    """
    codes = ~np.arange(256, dtype=np.uint8)
    segments = ((codes >> 4) & 0x07).astype(np.int32)
    steps = (codes & 0x0F).astype(np.int32)
    magnitudes = ((2 * steps + 33) << segments) - 33
    return (np.where(codes & 0x80, -magnitudes, magnitudes) / 8192).astype(np.float32)


def _alaw_levels() -> NDArray[np.float32]:
    """The level of each A-law byte [256], in [-1, 1].

    ITU-T G.711 (11/88), table 1: every second bit is sent inverted; then come a sign (set for
    positive), three bits of segment and four of step. Segments 0 and 1 have steps of 2, each
    later one steps twice as large; levels lie in the middle of a step, on a scale that ends at
    4096.
    """
    codes = np.arange(256, dtype=np.uint8) ^ np.uint8(0x55)
    segments = ((codes >> 4) & 0x07).astype(np.int32)
    steps = (codes & 0x0F).astype(np.int32)
    linear = 2 * steps + 1
    curved = (2 * steps + 33) << np.maximum(segments - 1, 0)
    magnitudes = np.where(segments == 0, linear, curved)
    return (np.where(codes & 0x80, magnitudes, -magnitudes) / 4096).astype(np.float32)


@brief
def scale_int16(samples: NDArray[np.int16]) -> NDArray[np.float32]:
    """Samples [n] with full scale at 1 [n]."""
    waveform = np.empty(len(samples), np.float32)
    for i in range(len(samples)):
        waveform[i] = samples[i] * np.float32(2**-15)
    return waveform


def _decode_int16(pcm: bytes) -> NDArray[np.float32]:
    return scale_int16(np.frombuffer(pcm, "<i2"))


def _decode_float32(pcm: bytes) -> NDArray[np.float32]:
    return np.frombuffer(pcm, "<f4").astype(np.float32)


def _expander(levels: NDArray[np.float32]) -> Decode:
    """A decoder that looks each byte up in levels [256]."""
    return lambda pcm: levels[np.frombuffer(pcm, np.uint8)]


@dataclass(frozen=True, slots=True)
class _Encoding:
    bytes_per_sample: int
    decode: Decode  # whole samples to [n] float32, full scale at 1
    is_bounded: bool = True  # whether all that can be encoded is within full scale


_ENCODINGS = {
    "pcm_s16le": _Encoding(2, _decode_int16),
    "pcm_f32le": _Encoding(4, _decode_float32, is_bounded=False),
    "mulaw": _Encoding(1, _expander(_mulaw_levels())),
    "alaw": _Encoding(1, _expander(_alaw_levels())),
}
ENCODINGS = tuple(_ENCODINGS)


def check_pcm(encoding: str, sample_rate: int) -> None:
    """Raise UnsupportedEncoding unless such PCM can be decoded."""
    if encoding not in _ENCODINGS:
        raise UnsupportedEncoding(
            f"The encoding {encoding!r} is not supported. Use one of {', '.join(ENCODINGS)}."
        )
    if not MIN_SAMPLE_RATE <= sample_rate <= MAX_SAMPLE_RATE:
        raise UnsupportedEncoding(
            f"A sample rate of {sample_rate} Hz is not supported. "
            f"Use {MIN_SAMPLE_RATE} to {MAX_SAMPLE_RATE} Hz."
        )


class PcmDecoder:
    """Turns one stream of mono PCM into the model's waveform; its pieces may be cut anywhere.

    Args:
        encoding: one of `ENCODINGS`.
        encoded_rate: sample rate of the bytes in Hz, 8000 to 48000.
        sample_rate: sample rate of the waveform that is wanted, in Hz.
        block: samples of the waveform that are wanted together, by somebody who can do nothing
            before there are as many. They come in whole blocks where nothing is to be resampled or
            to be checked.

    Attributes:
        is_bounded: whether nothing but samples in [-1, 1] can come out.

    Raises:
        UnsupportedEncoding: the encoding or its rate is not supported.
    """

    def __init__(self, encoding: str, encoded_rate: int, sample_rate: int, block: int = 1) -> None:
        check_pcm(encoding, encoded_rate)
        self._encoding = _ENCODINGS[encoding]
        self._encoded_rate = encoded_rate
        self._resampler = Resampler(encoded_rate, sample_rate)
        self.is_bounded = self._encoding.is_bounded and encoded_rate == sample_rate
        self._block = block if self._encoding.is_bounded else 1  # what is wrong is told at once
        self._sample_rate = sample_rate
        self._waiting = [b""]  # for the end of a sample or of a block
        self._num_waiting = 0  # bytes
        self._num_samples = 0  # decoded so far, at encoded_rate
        self._num_out = 0  # of those, what came out, at sample_rate

    @property
    def num_bytes_missing(self) -> int:
        """How many more bytes it takes at least until a block of the waveform is complete."""
        next_block = self._num_out // self._block + 1
        num_wanted = -(-next_block * self._block * self._encoded_rate // self._sample_rate)
        num_bytes = (num_wanted - self._num_samples) * self._encoding.bytes_per_sample
        return max(1, num_bytes - self._num_waiting)

    def feed(self, pcm: bytes) -> NDArray[np.float32]:
        """Take in any number of bytes and return the samples that are ready [m], in [-1, 1].

        Raises:
            InvalidAudio: a sample is NaN or infinite.
        """
        is_enough = len(pcm) >= self.num_bytes_missing
        self._waiting.append(pcm)
        self._num_waiting += len(pcm)
        if not is_enough:
            return np.zeros(0, np.float32)
        return self._decoded(self._block if self.is_bounded else 1)

    def rest(self) -> NDArray[np.float32]:
        """The samples that wait for others [m], in [-1, 1]. Raises what `feed` raises."""
        return self._decoded(1)

    def _decoded(self, block: int) -> NDArray[np.float32]:
        """What waits, up to the end of a block."""
        pcm, bytes_per_sample = b"".join(self._waiting), self._encoding.bytes_per_sample
        num_whole = len(pcm) // bytes_per_sample
        end = (num_whole - (self._num_samples + num_whole) % block) * bytes_per_sample
        self._waiting, self._num_waiting = [pcm[end:]], len(pcm) - end
        waveform = self._encoding.decode(pcm[:end])
        first, self._num_samples = self._num_samples, self._num_samples + len(waveform)
        if not self.is_bounded:
            require_finite(waveform, first / self._encoded_rate, self._encoded_rate)
            waveform = self._resampler.feed(waveform)
        self._num_out += len(waveform)
        return waveform

    def finish(self) -> NDArray[np.float32]:
        """End the stream and return its last samples [m], in [-1, 1].

        Raises:
            InvalidAudio: the bytes end in the middle of a sample; `rest` gives those before it.
        """
        bytes_per_sample = self._encoding.bytes_per_sample
        if num_odd := self._num_waiting % bytes_per_sample:
            raise InvalidAudio(
                f"The audio ends with {num_odd} of the {bytes_per_sample} bytes of a sample. "
                "Send whole samples, or correct the encoding."
            )
        return np.concatenate([self.rest(), self._resampler.finish()])
