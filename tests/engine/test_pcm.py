"""Raw PCM streams: encodings, rates, and pieces that are cut anywhere."""

import io

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.errors import InvalidAudio, UnsupportedEncoding
from service.engine.pcm import ENCODINGS, PcmDecoder
from tests.audio_samples import chirp

RATE = 16_000
LIBSNDFILE_SUBTYPES = {
    "pcm_s16le": "PCM_16",
    "pcm_f32le": "FLOAT",
    "mulaw": "ULAW",
    "alaw": "ALAW",
}


def encode(waveform: NDArray[np.float32], encoding: str) -> bytes:
    """Raw PCM of waveform [n], made by libsndfile."""
    file = io.BytesIO()
    subtype = LIBSNDFILE_SUBTYPES[encoding]
    soundfile.write(file, waveform, RATE, format="RAW", subtype=subtype, endian="LITTLE")
    return file.getvalue()


def decode(
    pieces: list[bytes], encoding: str, encoded_rate: int = RATE, block: int = 1
) -> NDArray[np.float32]:
    decoder = PcmDecoder(encoding, encoded_rate, RATE, block)
    return np.concatenate([*map(decoder.feed, pieces), decoder.finish()])


def cut(pcm: bytes, positions: list[int]) -> list[bytes]:
    ends = sorted(position for position in positions if position < len(pcm))
    return [pcm[a:b] for a, b in zip([0, *ends], [*ends, len(pcm)], strict=True)]


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_every_encoding_gives_its_waveform(encoding: str) -> None:
    original = chirp(0.5, RATE)
    decoded = decode([encode(original, encoding)], encoding)
    assert decoded.dtype == np.float32
    np.testing.assert_allclose(decoded, original, atol=0.02 if "law" in encoding else 1e-4)


@pytest.mark.parametrize("encoding", ["mulaw", "alaw"])
def test_g711_levels_are_those_of_an_independent_decoder(encoding: str) -> None:
    every_byte = bytes(range(256))
    expected, _ = soundfile.read(
        io.BytesIO(every_byte),
        format="RAW",
        subtype=LIBSNDFILE_SUBTYPES[encoding],
        samplerate=RATE,
        channels=1,
        dtype="float32",
    )
    np.testing.assert_array_equal(decode([every_byte], encoding), expected)


@settings(max_examples=100, deadline=None)
@given(
    encoding=st.sampled_from(ENCODINGS),
    encoded_rate=st.sampled_from([8_000, 16_000, 22_050, 44_100, 48_000]),
    positions=st.lists(st.integers(0, 4_000), max_size=30),
    block=st.sampled_from([1, 100, 333]),
)
def test_any_cutting_gives_the_same_waveform(
    encoding: str, encoded_rate: int, positions: list[int], block: int
) -> None:
    pcm = encode(chirp(0.06, RATE), encoding)
    whole = decode([pcm], encoding, encoded_rate)
    in_pieces = decode(cut(pcm, positions), encoding, encoded_rate, block)
    np.testing.assert_array_equal(in_pieces, whole)


@settings(max_examples=100, deadline=None)
@given(
    encoding=st.sampled_from(ENCODINGS),
    encoded_rate=st.sampled_from([8_000, 16_000, 44_100, 48_000]),
    lengths=st.lists(st.integers(0, 3_000), max_size=30),
)
def test_a_block_does_not_wait_once_it_can_be_had(
    encoding: str, encoded_rate: int, lengths: list[int]
) -> None:
    block = 320
    in_blocks = PcmDecoder(encoding, encoded_rate, RATE, block)
    at_once = PcmDecoder(encoding, encoded_rate, RATE)
    num_samples = num_samples_at_once = 0
    for length in lengths:
        can_complete = length >= in_blocks.num_bytes_missing
        num_new = len(in_blocks.feed(bytes(length)))
        num_samples += num_new
        num_samples_at_once += len(at_once.feed(bytes(length)))
        assert num_samples // block == num_samples_at_once // block, "a block waits"
        assert can_complete or not num_new, "it was worth waking up for less"
    assert num_samples + len(in_blocks.rest()) == num_samples_at_once


def test_blocks_come_whole() -> None:
    decoder = PcmDecoder("pcm_s16le", RATE, RATE, block=320)
    assert [len(decoder.feed(bytes(2 * n))) for n in (319, 2, 700)] == [0, 320, 640]
    assert len(decoder.rest()) == 61


@pytest.mark.parametrize("encoded_rate", [8_000, 11_025, 44_100, 48_000])
def test_the_length_is_that_of_the_audio(encoded_rate: int) -> None:
    pcm = encode(np.zeros(12_345, np.float32), "pcm_s16le")
    decoded = decode([pcm], "pcm_s16le", encoded_rate)
    assert abs(len(decoded) - round(12_345 * RATE / encoded_rate)) <= 1


def test_a_stream_of_nothing_is_a_waveform_of_nothing() -> None:
    assert len(decode([], "pcm_s16le")) == 0
    assert len(decode([b""], "mulaw", 8_000)) == 0


@pytest.mark.parametrize(("encoding", "left"), [("pcm_s16le", 1), ("pcm_f32le", 3)])
def test_half_a_sample_at_the_end_is_refused(encoding: str, left: int) -> None:
    decoder = PcmDecoder(encoding, RATE, RATE)
    decoder.feed(bytes(8 + left))
    with pytest.raises(InvalidAudio, match=f"ends with {left} of the"):
        decoder.finish()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_not_finite_are_refused_where_they_are(value: float) -> None:
    decoder = PcmDecoder("pcm_f32le", RATE, RATE)
    decoder.feed(bytes(4 * RATE))
    with pytest.raises(InvalidAudio, match=r"at 1\.500 s"):
        decoder.feed(bytes(4 * RATE // 2) + np.array([value], "<f4").tobytes())


def test_what_exceeds_full_scale_is_clipped() -> None:
    pcm = np.array([3.0, -2.0, 0.5], "<f4").tobytes()
    np.testing.assert_array_equal(decode([pcm], "pcm_f32le"), np.array([1, -1, 0.5], np.float32))


@pytest.mark.parametrize("encoding", ["", "opus", "PCM_S16LE", "pcm_s16be"])
def test_other_encodings_are_refused(encoding: str) -> None:
    with pytest.raises(UnsupportedEncoding, match="Use one of pcm_s16le, pcm_f32le, mulaw, alaw"):
        PcmDecoder(encoding, RATE, RATE)


@pytest.mark.parametrize("encoded_rate", [-1, 0, 7_999, 48_001])
def test_other_rates_are_refused(encoded_rate: int) -> None:
    with pytest.raises(UnsupportedEncoding, match="8000 to 48000 Hz"):
        PcmDecoder("pcm_s16le", encoded_rate, RATE)
