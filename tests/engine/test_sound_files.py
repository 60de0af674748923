"""Whole WAV files take a shorter way than others and come out alike."""

from io import BytesIO

import numpy as np
import pytest
import soundfile

from service.engine import audio_files
from service.engine.audio import AudioLimits, decode_audio
from service.engine.sound_files import whole_wav
from tests.audio_samples import chirp, without_sizes

RATE = 16_000


def wav(subtype: str, num_channels: int = 1) -> bytes:
    file = BytesIO()
    samples = np.stack([chirp(1.3, RATE) / (1 + i) for i in range(num_channels)], axis=1)
    soundfile.write(file, samples, RATE, format="WAV", subtype=subtype)
    return file.getvalue()


@pytest.fixture
def only_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_files, "plain_wav", lambda _: None)
    monkeypatch.setattr(audio_files, "whole_wav", lambda _: None)


def decoded(file: bytes) -> list[float]:
    waveform: list[float] = np.concatenate([*decode_audio(file, RATE, AudioLimits())]).tolist()
    return waveform


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("num_channels", [1, 2, 3])
def test_a_whole_wav_file_comes_out_as_ffmpeg_has_it(
    subtype: str, num_channels: int, request: pytest.FixtureRequest
) -> None:
    file = wav(subtype, num_channels)
    sound = whole_wav(BytesIO(file))
    assert sound is not None
    sound.close()
    shortcut = decoded(file)
    request.getfixturevalue("only_ffmpeg")
    np.testing.assert_allclose(shortcut, decoded(file), atol=1e-7)


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"RIFF",
        wav("PCM_16")[:-10],
        wav("PCM_16") + b"more",
        without_sizes(wav("PCM_16")),
        wav("ULAW"),
        b"RIFF\x04\0\0\0WAVE",
    ],
    ids=["empty", "header", "cut", "longer", "no sizes", "mu-law", "no chunks"],
)
def test_any_other_file_is_left_to_ffmpeg(file: bytes) -> None:
    assert whole_wav(BytesIO(file)) is None
