"""Any file to the model's waveform: formats, rates, channels, limits and constant memory."""

import io
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.audio import AudioLimits, decode_audio
from service.engine.errors import AudioTooLong, InvalidAudio
from tests.audio_samples import (
    SAMPLE_FORMATS,
    SampleFormat,
    chirp,
    encode_av,
    encode_silent_video,
    encode_soundfile,
    without_sizes,
)

RATE = 16_000


def decode(file: bytes, sample_rate: int = RATE) -> NDArray[np.float32]:
    return np.concatenate(list(decode_audio(file, sample_rate, AudioLimits())))


def rms(waveform: NDArray[np.float32]) -> float:
    return float(np.sqrt(np.mean(np.square(waveform))))


@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS.values(), ids=SAMPLE_FORMATS.keys())
def test_every_format_gives_its_waveform(sample_format: SampleFormat) -> None:
    original = chirp(3.0, sample_format.sample_rate)
    decoded = decode(sample_format.encode(original), sample_format.sample_rate)
    extra_s = (len(decoded) - len(original)) / sample_format.sample_rate
    assert -sample_format.missing_s <= extra_s <= sample_format.extra_s
    length = min(len(original), len(decoded))
    assert rms(decoded[:length] - original[:length]) < sample_format.tolerance
    assert rms(decoded) == pytest.approx(rms(original), rel=0.25)


@pytest.mark.parametrize("sample_format", SAMPLE_FORMATS.values(), ids=SAMPLE_FORMATS.keys())
def test_twenty_milliseconds_are_audio(sample_format: SampleFormat) -> None:
    duration_s = 0.02 + sample_format.missing_s
    decoded = decode(sample_format.encode(chirp(duration_s, sample_format.sample_rate)))
    assert len(decoded) >= 0.02 * RATE


def test_speex_is_read() -> None:
    # Nothing that tests install can write it; FFmpeg did: `-c:a libspeex -b:a 8k`.
    original = chirp(1.0, 8_000)
    decoded = decode(Path(__file__).with_name("chirp.spx").read_bytes(), 8_000)
    assert 0 <= len(decoded) - len(original) <= 0.04 * 8_000
    assert rms(decoded) == pytest.approx(rms(original), rel=0.25)
    spectrum = np.abs(np.fft.rfft(decoded[:4_000]))  # of the first half second: 200 to 700 Hz
    assert 200 <= 2 * int(spectrum.argmax()) <= 700


@pytest.mark.parametrize(
    ("container", "codec"),
    [("mp4", "aac"), ("mov", "aac"), ("matroska", "libopus"), ("webm", "libopus"), ("avi", "mp2")],
)
def test_the_audio_track_of_a_video_is_read(container: str, codec: str) -> None:
    video_codec = "libvpx" if container == "webm" else "mpeg4"
    video = encode_av(chirp(1.0, 48_000), 48_000, container, codec, video=video_codec)
    waveform = decode(video)
    assert len(waveform) == pytest.approx(RATE, abs=0.1 * RATE)
    assert rms(waveform) == pytest.approx(rms(chirp(1.0, 48_000)), rel=0.25)


def test_a_recording_of_a_browser_tells_no_duration() -> None:
    """As MediaRecorder writes WebM: nothing is filled in after the fact, sizes are unknown."""
    original = chirp(3.0, 48_000)
    recording = encode_av(original, 48_000, "webm", "libopus", live="1")
    audio = decode_audio(recording, 48_000, AudioLimits())
    waveform = np.concatenate(list(audio))
    assert audio.declared_s is None
    assert rms(waveform[: len(original)] - original) < 5e-2


def test_a_recording_of_a_browser_that_broke_off_is_used() -> None:
    recording = encode_av(chirp(3.0, 48_000), 48_000, "webm", "libopus", live="1")
    assert 1.0 < len(decode(recording[: len(recording) * 2 // 3])) / RATE < 2.5


def test_a_video_without_sound_is_refused() -> None:
    with pytest.raises(InvalidAudio, match="no audio track"):
        decode(encode_silent_video())


@pytest.mark.parametrize("native_rate", [8_000, 11_025, 22_050, 44_100, 48_000, 96_000, 192_000])
def test_any_rate_is_resampled_to_the_exact_length(native_rate: int) -> None:
    original = chirp(1.2345, native_rate)
    decoded = decode(encode_soundfile(original, native_rate))
    assert abs(len(decoded) - round(len(original) * RATE / native_rate)) <= 1
    expected = chirp(1.2345, RATE)[: len(decoded)]
    inner = slice(200, len(expected) - 200)  # the filter rings at the edges
    assert rms(decoded[inner] - expected[inner]) < 1e-3


def test_channels_are_averaged() -> None:
    left, right = chirp(0.5, RATE), np.full(RATE // 2, 0.25, np.float32)
    decoded = decode(encode_soundfile(np.stack([left, right], axis=1), RATE, "WAV", "FLOAT"))
    np.testing.assert_allclose(decoded, (left + right) / 2, atol=1e-6)


def test_what_exceeds_full_scale_is_clipped() -> None:
    loud = encode_soundfile(5 * chirp(0.5, 48_000), 48_000, "WAV", "FLOAT")
    decoded = decode(loud)
    assert np.abs(decoded).max() == 1.0


@pytest.mark.parametrize("riff_size", [0, 36, 0xFFFFFFFF])
@pytest.mark.parametrize("chunk_size", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_streamed_wav_is_read_whole(riff_size: int, chunk_size: int) -> None:
    wav = encode_soundfile(chirp(2.0, RATE), RATE)
    np.testing.assert_array_equal(decode(without_sizes(wav, riff_size, chunk_size)), decode(wav))


def test_paths_bytes_and_files_are_sources(tmp_path: Path) -> None:
    wav = encode_soundfile(chirp(0.5, RATE), RATE)
    path = tmp_path / "speech.wav"
    path.write_bytes(wav)
    spooled = tempfile.SpooledTemporaryFile(max_size=100)  # noqa: SIM115 - kept open by the test
    spooled.write(wav)
    for source in (path, io.BytesIO(wav), cast(BinaryIO, spooled)):
        waveform = np.concatenate(list(decode_audio(source, RATE, AudioLimits())))
        np.testing.assert_array_equal(waveform, decode(wav))
    assert not spooled.closed
    spooled.close()


def test_blocks_are_about_five_seconds_each() -> None:
    audio = decode_audio(encode_soundfile(chirp(30.0, 44_100), 44_100), RATE, AudioLimits())
    lengths = [len(block) for block in audio]
    assert sum(lengths) == 30 * RATE
    assert all(5 * RATE <= length < 10 * RATE for length in lengths[:-1])


def test_the_decoded_duration_is_reported_as_it_grows() -> None:
    audio = decode_audio(encode_soundfile(chirp(12.0, RATE), RATE), RATE, AudioLimits())
    assert audio.duration_s == 0.0
    first = next(audio)
    assert audio.duration_s == len(first) / RATE
    for _ in audio:
        pass
    assert audio.duration_s == 12.0


def test_only_what_is_asked_for_is_read() -> None:
    file = io.BytesIO(encode_soundfile(chirp(60.0, RATE), RATE))
    audio = decode_audio(file, RATE, AudioLimits())
    list(islice(audio, 2))
    assert file.tell() < 700_000  # of 1.9 MB
    audio.close()
    assert audio.is_over
    assert list(audio) == []


def test_closing_waits_for_the_block_that_a_thread_decodes() -> None:
    file = encode_soundfile(chirp(120.0, 48_000), 48_000)
    audio = decode_audio(file, RATE, AudioLimits())
    with ThreadPoolExecutor(1) as pool:
        decoding = pool.submit(lambda: sum(map(len, audio)))
        while audio.duration_s == 0.0:
            time.sleep(0.001)
        audio.close()
    assert 0 < decoding.result() <= 120 * RATE


@pytest.mark.parametrize("name", ["wav-pcm16", "flac", "m4a-aac", "webm-opus", "ogg-vorbis"])
def test_a_header_that_declares_too_much_is_refused_at_once(name: str) -> None:
    sample_format = SAMPLE_FORMATS[name]
    file = sample_format.encode(chirp(5.0, sample_format.sample_rate))
    audio = decode_audio(file, RATE, AudioLimits(max_duration_s=2.0))
    with pytest.raises(AudioTooLong, match="limit of 2 s"):
        next(audio)


@pytest.mark.parametrize("name", ["mp3", "aac", "amr"])
def test_a_file_that_declares_nothing_is_refused_when_it_proves_too_long(name: str) -> None:
    sample_format = SAMPLE_FORMATS[name]
    file = sample_format.encode(chirp(20.0, sample_format.sample_rate))
    audio = decode_audio(file, RATE, AudioLimits(max_duration_s=12.0))
    with pytest.raises(AudioTooLong):
        for _ in audio:
            pass
    assert 5.0 <= audio.duration_s <= 12.0


def test_audio_of_exactly_the_limit_is_accepted() -> None:
    wav = encode_soundfile(chirp(7.0, 44_100), 44_100)
    assert sum(map(len, decode_audio(wav, RATE, AudioLimits(max_duration_s=7.0)))) == 7 * RATE
