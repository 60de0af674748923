"""The plainest WAV files come out as libsndfile has them; any other is left to it."""

import struct
from io import BytesIO

import numpy as np
import pytest
import soundfile

from service.engine.wav_files import plain_wav

RATE = 16_000


def wav(num_frames: int, num_channels: int = 1, subtype: str = "PCM_16") -> bytes:
    file = BytesIO()
    samples = np.random.default_rng(0).uniform(-1, 1, (num_frames, num_channels))
    soundfile.write(file, samples, RATE, format="WAV", subtype=subtype)
    return file.getvalue()


def with_field(file: bytes, position: int, layout: str, value: int) -> bytes:
    field = struct.pack(layout, value)
    return file[:position] + field + file[position + len(field) :]


@pytest.mark.parametrize("num_channels", [1, 2, 3])
@pytest.mark.parametrize("num_frames", [1, 1000, 200_000])
def test_it_is_what_libsndfile_reads(num_frames: int, num_channels: int) -> None:
    file = wav(num_frames, num_channels)
    expected, _ = soundfile.read(BytesIO(file), dtype="float32", always_2d=True)
    track = plain_wav(BytesIO(file))
    assert track is not None
    assert track.declared_s == num_frames / RATE
    blocks = list(track.blocks)
    assert {block.sample_rate for block in blocks} == {RATE}
    waveforms = np.concatenate([block.waveforms for block in blocks], axis=1)
    assert waveforms.dtype == np.float32
    np.testing.assert_array_equal(waveforms, expected.T)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        wav(0),
        wav(10)[:-2],
        wav(10) + b"more",
        wav(10, subtype="PCM_24"),
        wav(10, subtype="FLOAT"),
        with_field(wav(10), 20, "<H", 6),  # A-law
        with_field(wav(10), 22, "<H", 0),  # channels
        with_field(wav(10), 24, "<I", 0),  # rate
        with_field(wav(10), 32, "<H", 4),  # bytes a frame
        with_field(wav(10), 40, "<I", 10),  # bytes of samples
    ],
)
def test_any_other_file_is_left_to_others(file: bytes) -> None:
    assert plain_wav(BytesIO(file)) is None
