"""Audio without a header, which its sender has to describe."""

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.audio import AudioLimits, decode_audio, decode_channels
from service.engine.errors import AudioTooLong, EmptyAudio, InvalidAudio, UnsupportedEncoding
from service.engine.raw_audio import RAW_ENCODINGS, RawAudio, raw_audio
from tests.audio_samples import chirp, encode_av, encode_soundfile

RATE = 16_000

_CODECS = {
    "pcm_s16le": "PCM_16",
    "pcm_f32le": "FLOAT",
    "mulaw": "ULAW",
    "alaw": "ALAW",
    "gsm": "GSM610",
}


def encode(encoding: str, waveform: NDArray[np.float32], sample_rate: int) -> bytes:
    """Raw audio of waveform [n]."""
    if encoding == "g722":
        return encode_av(waveform, sample_rate, "g722", "g722")
    codec = _CODECS[encoding]
    return encode_soundfile(waveform, sample_rate, "RAW", codec)


def decode(file: bytes, raw: RawAudio) -> NDArray[np.float32]:
    return np.concatenate(list(decode_audio(file, raw.sample_rate, AudioLimits(), raw)))


@pytest.mark.parametrize("encoding", RAW_ENCODINGS)
@pytest.mark.parametrize("sample_rate", [8_000, 16_000, 48_000])
def test_every_encoding_gives_its_waveform(encoding: str, sample_rate: int) -> None:
    sample_rate = {"g722": 16_000, "gsm": 8_000}.get(encoding, sample_rate)
    original = chirp(1.5, sample_rate)
    decoded = decode(encode(encoding, original, sample_rate), RawAudio(encoding, sample_rate))
    delay = 22 if encoding == "g722" else 0  # of its two filters, in samples
    assert len(original) <= len(decoded) <= len(original) + 160  # one frame of GSM
    decoded = decoded[: len(original)]
    error = decoded[delay:] - original[: len(original) - delay]
    assert float(np.sqrt(np.mean(np.square(error)))) < (0.05 if encoding == "gsm" else 0.01)


def test_it_is_resampled_and_its_duration_told() -> None:
    audio = decode_audio(
        encode("mulaw", chirp(2.0, 8_000), 8_000), RATE, AudioLimits(), RawAudio("mulaw", 8_000)
    )
    assert sum(map(len, audio)) == 2 * RATE
    assert (audio.duration_s, audio.declared_s) == (2.0, None)


def test_kept_apart_it_has_one_channel() -> None:
    file = encode("alaw", chirp(0.5, 8_000), 8_000)
    blocks = list(decode_channels(file, RATE, AudioLimits(), RawAudio("alaw", 8_000)))
    assert [block.shape for block in blocks] == [(1, RATE // 2)]


@pytest.mark.parametrize("encoding", ["mulaw", "alaw", "g722", "gsm"])
def test_telephones_have_a_usual_rate(encoding: str) -> None:
    assert raw_audio(encoding, None).sample_rate == (RATE if encoding == "g722" else 8_000)


@pytest.mark.parametrize(
    ("encoding", "sample_rate", "cause"),
    [
        ("opus", 48_000, "'opus' is not supported. Use one of pcm_s16le"),
        ("mulaw", 7_999, "8000 to 48000"),
        ("alaw", 48_001, "8000 to 48000"),
        ("pcm_s16le", None, "needs a sample_rate"),
        ("g722", 8_000, "16000 samples a second, not 8000"),
        ("gsm", 16_000, "8000 samples a second, not 16000"),
        ("mulaw", 0, "0 Hz"),
    ],
)
def test_what_cannot_be_is_refused(encoding: str, sample_rate: int | None, cause: str) -> None:
    with pytest.raises(UnsupportedEncoding, match=cause):
        raw_audio(encoding, sample_rate)


def test_gsm_of_some_length_is_known_by_its_bytes() -> None:
    file = encode("gsm", chirp(3.0, 8_000), 8_000)
    assert sum(map(len, decode_audio(file, 8_000, AudioLimits()))) == pytest.approx(24_000, abs=160)


@pytest.mark.parametrize("encoding", RAW_ENCODINGS)
def test_no_bytes_are_empty(encoding: str) -> None:
    with pytest.raises(EmptyAudio):
        decode(b"", raw_audio(encoding, 8_000 if encoding == "gsm" else RATE))


def test_the_limit_holds() -> None:
    file = encode("mulaw", chirp(3.0, 8_000), 8_000)
    audio = decode_audio(file, RATE, AudioLimits(2.0), RawAudio("mulaw", 8_000))
    with pytest.raises(AudioTooLong):
        list(audio)


def test_a_sample_that_is_no_number_is_refused() -> None:
    samples = chirp(0.5, RATE)
    samples[100] = np.nan
    with pytest.raises(InvalidAudio, match="not a finite number"):
        decode(samples.astype("<f4").tobytes(), RawAudio("pcm_f32le", RATE))


def test_it_cannot_pass_for_another_file() -> None:
    """A playlist that is called mu-law is heard as noise; nothing it names is opened."""
    file = b"ffconcat version 1.0\nfile /etc/passwd\n" * 50
    assert len(decode(file, RawAudio("mulaw", 8_000))) == len(file)
