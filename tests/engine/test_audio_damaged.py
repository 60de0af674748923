"""Files that are damaged, cut short, empty or no audio at all."""

import tempfile
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.audio import AudioLimits, decode_audio
from service.engine.errors import EmptyAudio, EngineError, InvalidAudio
from tests.audio_samples import SAMPLE_FORMATS, chirp, encode_av, encode_soundfile, without_sizes

RATE = 16_000


def decoded_s(file: bytes) -> float:
    audio = decode_audio(file, RATE, AudioLimits())
    for _ in audio:
        pass
    return audio.duration_s


def encode(name: str, duration_s: float) -> bytes:
    sample_format = SAMPLE_FORMATS[name]
    return sample_format.encode(chirp(duration_s, sample_format.sample_rate))


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg-vorbis", "ogg-opus", "webm-opus", "amr"])
def test_a_file_that_is_cut_short_gives_what_is_there(name: str) -> None:
    file = encode(name, 30.0)
    assert 8.0 < decoded_s(file[: len(file) * 2 // 3]) < 22.0


def test_a_cut_m4a_in_fragments_gives_what_is_there() -> None:
    file = encode_av(
        chirp(10.0, RATE), RATE, "ipod", "aac", movflags="empty_moov", frag_duration="1000000"
    )
    assert decoded_s(file[: len(file) * 2 // 3]) > 4.0


@pytest.mark.parametrize("name", ["m4a-aac", "mp4-aac"])
def test_a_cut_m4a_without_its_index_says_so(name: str) -> None:
    file = encode(name, 5.0)
    with pytest.raises(InvalidAudio, match=r"index .* at its end, is missing"):
        decoded_s(file[: len(file) // 2])


def test_an_mp4_that_is_cut_within_its_index_says_so() -> None:
    file = encode("mp4-aac", 5.0)
    for end in range(file.index(b"moov") + 4, file.index(b"stsd"), 10):  # up to the track's codec
        with pytest.raises(InvalidAudio, match=r"index .* cut off"):
            decoded_s(file[:end])


@pytest.mark.parametrize("name", ["flac", "mp3", "ogg-vorbis", "aac"])
def test_what_follows_a_damaged_part_is_kept(name: str) -> None:
    file = bytearray(encode(name, 20.0))
    start = len(file) // 4
    file[start : start + 300] = bytes(300)
    assert 14.0 < decoded_s(bytes(file)) < 20.2


def test_a_file_whose_every_packet_is_damaged_is_refused() -> None:
    file = bytearray(encode("flac", 5.0))
    file[100:] = b"\xff" * (len(file) - 100)
    with pytest.raises(InvalidAudio):
        decoded_s(bytes(file))


@pytest.mark.parametrize(
    ("name", "codec", "other"),
    [
        ("mkv-pcm", b"A_PCM/INT/LIT", b"A_NEW/INT/LIT"),
        ("wav-mulaw", b"fmt \x12\0\0\0\x07\0", b"fmt \x12\0\0\0\x34\x12"),
    ],
)
def test_a_codec_that_no_decoder_knows_is_not_called_damage(
    name: str, codec: bytes, other: bytes
) -> None:
    file = encode(name, 1.0)
    assert codec in file
    with pytest.raises(InvalidAudio, match=r"codec that cannot be read\. Send WAV, FLAC"):
        decoded_s(file.replace(codec, other))


@pytest.mark.parametrize("name", ["wav-pcm16", "wav-float", "aiff", "au", "caf", "sphere"])
def test_zero_samples_are_empty_audio(name: str) -> None:
    with pytest.raises(EmptyAudio, match="no samples"):
        decoded_s(encode(name, 0.0))


def test_a_streamed_wav_of_zero_samples_is_empty_audio() -> None:
    with pytest.raises(EmptyAudio):
        decoded_s(without_sizes(encode("wav-pcm16", 0.0)))


def test_zero_bytes_are_empty_audio() -> None:
    with pytest.raises(EmptyAudio, match="no bytes"):
        decoded_s(b"")


@pytest.mark.parametrize(
    ("file", "cause"),
    [
        (b"<!DOCTYPE html><html><body>502 Bad Gateway</body></html>" * 20, "web page"),
        (b"\xef\xbb\xbf\n <html></html>", "web page"),
        (b'{"error": "not found"}', "JSON"),
        (b"hello, how are you?" * 500, "not audio"),
        (np.random.default_rng(0).bytes(50_000), "not audio"),
        (bytes(20_000), "not audio"),
        (b"\xff" * 20_000, "not audio"),
        (b"R", "not audio"),
        (b"RIFF", "not audio"),
    ],
)
def test_what_is_not_audio_is_named_with_the_remedy(file: bytes, cause: str) -> None:
    with pytest.raises(InvalidAudio, match=rf"{cause}.*Send WAV, FLAC"):
        decoded_s(file)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("channels", [1, 2])
def test_samples_that_are_not_finite_are_refused_where_they_are(
    value: float, channels: int
) -> None:
    waveform = np.zeros((3 * RATE, channels), np.float32)
    waveform[20_000] = value
    with pytest.raises(InvalidAudio, match=r"at 1\.250 s"):
        decoded_s(encode_soundfile(waveform, RATE, "WAV", "FLOAT"))


@pytest.mark.parametrize("native_rate", [100, 3_999, 400_000])
def test_rates_that_no_speech_has_are_refused(native_rate: int) -> None:
    with pytest.raises(InvalidAudio, match="samples a second"):
        decoded_s(encode_soundfile(np.zeros(1000, np.float32), native_rate))


@pytest.fixture
def secret() -> Iterator[Path]:
    """A readable audio file whose path needs no quoting, as a playlist would name it."""
    with tempfile.TemporaryDirectory(prefix="secret") as folder:
        path = Path(folder) / "secret.wav"
        path.write_bytes(encode_soundfile(chirp(1.0, RATE), RATE))
        yield path


@pytest.mark.parametrize(
    "playlist",
    [
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{uri}\n#EXT-X-ENDLIST\n",
        "#EXTM3U\n#EXT-X-TARGETDURATION:2\n#EXTINF:1,\n{path}\n#EXT-X-ENDLIST\n",
        "ffconcat version 1.0\nfile '{path}'\n",
        "ffconcat version 1.0\nfile '{uri}'\n",
        "ffconcat version 1.0\nfile '{path.name}'\n",
        "[playlist]\nFile1={uri}\nNumberOfEntries=1\n",
        '<MPD type="static"><Period><AdaptationSet><BaseURL>{uri}</BaseURL></AdaptationSet></MPD>',
    ],
    ids=["hls-uri", "hls-path", "concat-path", "concat-uri", "concat-name", "pls", "dash"],
)
def test_a_playlist_opens_nothing(
    playlist: str, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(secret.parent)  # FFmpeg's own rules would let a plain name through
    text = playlist.format(uri=secret.as_uri(), path=secret).encode()
    on_disk = tmp_path / "speech.m3u8"  # where FFmpeg would go by the name, too
    on_disk.write_bytes(text)
    for source in (text, on_disk):
        with pytest.raises(InvalidAudio, match=r"playlist|markup"):
            next(decode_audio(source, RATE, AudioLimits()))


@settings(max_examples=60, deadline=None)
@given(
    name=st.sampled_from(["wav-pcm16", "flac", "mp3", "ogg-vorbis", "m4a-aac", "webm-opus", "amr"]),
    position=st.floats(0, 1),
    noise=st.binary(min_size=1, max_size=64),
    length=st.floats(0, 1),
)
def test_no_damage_gives_any_other_error(
    name: str, position: float, noise: bytes, length: float
) -> None:
    file = bytearray(encode(name, 0.5))
    start = int(position * len(file))
    file[start : start + len(noise)] = noise
    with suppress(EngineError):
        decoded_s(bytes(file[: max(1, int(length * len(file)))]))
