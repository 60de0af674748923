"""Audio files in every format, made when a test asks for them."""

import io
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import av
import numpy as np
import soundfile
from av.audio.stream import AudioStream
from av.container import OutputContainer
from av.video.stream import VideoStream
from numpy.typing import NDArray


def chirp(duration_s: float, sample_rate: int) -> NDArray[np.float32]:
    """A tone [n] that rises from 200 to 1200 Hz: any shift or distortion of it shows."""
    times = np.arange(round(duration_s * sample_rate)) / sample_rate
    phase = 2 * np.pi * (200 + 500 * times / max(duration_s, 1e-9)) * times
    return (0.4 * np.sin(phase)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class SampleFormat:
    """A format that files are made in, and how far its decoded waveform may be from the original.

    `writer` is "soundfile" (then `container` and `codec` are its format and subtype) or "av".
    """

    writer: str
    container: str
    codec: str
    sample_rate: int = 16_000
    tolerance: float = 1e-4  # root mean square; full scale is 1
    extra_s: float = 0.0  # padding that the format cannot help adding
    missing_s: float = 0.0  # of the end, which the format cannot help losing

    def encode(self, waveform: NDArray[np.float32]) -> bytes:
        """A file of waveform [n] or [n, C], which is at this format's sample rate."""
        if self.writer == "soundfile":
            return encode_soundfile(waveform, self.sample_rate, self.container, self.codec)
        return encode_av(waveform, self.sample_rate, self.container, self.codec)


SAMPLE_FORMATS = {
    "wav-pcm8": SampleFormat("soundfile", "WAV", "PCM_U8", tolerance=5e-3),
    "wav-pcm16": SampleFormat("soundfile", "WAV", "PCM_16"),
    "wav-pcm24": SampleFormat("soundfile", "WAV", "PCM_24"),
    "wav-pcm32": SampleFormat("soundfile", "WAV", "PCM_32"),
    "wav-pcm64": SampleFormat("av", "wav", "pcm_s64le"),
    "wav-float": SampleFormat("soundfile", "WAV", "FLOAT"),
    "wav-double": SampleFormat("soundfile", "WAV", "DOUBLE"),
    "wav-mulaw": SampleFormat("soundfile", "WAV", "ULAW", tolerance=1e-2),
    "wav-alaw": SampleFormat("soundfile", "WAV", "ALAW", tolerance=1e-2),
    "wav-mulaw-8k": SampleFormat("soundfile", "WAV", "ULAW", 8_000, tolerance=1e-2),
    "wav-alaw-8k": SampleFormat("soundfile", "WAV", "ALAW", 8_000, tolerance=1e-2),
    "wav-g722": SampleFormat("av", "wav", "g722", tolerance=1.0),
    "wav-gsm": SampleFormat("soundfile", "WAV", "GSM610", 8_000, tolerance=5e-2, extra_s=0.04),
    "wav-adpcm": SampleFormat("soundfile", "WAV", "MS_ADPCM", tolerance=2e-2, extra_s=0.07),
    "rf64": SampleFormat("soundfile", "RF64", "PCM_16"),
    "w64": SampleFormat("soundfile", "W64", "PCM_16"),
    "aiff": SampleFormat("soundfile", "AIFF", "PCM_16"),
    "au": SampleFormat("soundfile", "AU", "PCM_16"),
    "caf": SampleFormat("soundfile", "CAF", "PCM_16"),
    "sphere": SampleFormat("soundfile", "NIST", "PCM_16"),
    "flac": SampleFormat("soundfile", "FLAC", "PCM_16"),
    "mp3": SampleFormat("soundfile", "MP3", "MPEG_LAYER_III", tolerance=2e-2),
    "ogg-vorbis": SampleFormat("soundfile", "OGG", "VORBIS", tolerance=3e-2, missing_s=0.016),
    "ogg-opus": SampleFormat("soundfile", "OGG", "OPUS", 48_000, tolerance=5e-2),
    "m4a-aac": SampleFormat("av", "ipod", "aac", tolerance=5e-2, extra_s=0.13),
    "aac": SampleFormat("av", "adts", "aac", tolerance=1.0, extra_s=0.2),
    "mp4-aac": SampleFormat("av", "mp4", "aac", 44_100, tolerance=5e-2, extra_s=0.05),
    "webm-opus": SampleFormat("av", "webm", "libopus", 48_000, tolerance=5e-2, extra_s=0.03),
    "amr": SampleFormat("av", "amr", "libopencore_amrnb", 8_000, tolerance=1.0, extra_s=0.03),
    "3gp-amr": SampleFormat("av", "3gp", "libopencore_amrnb", 8_000, tolerance=1.0, extra_s=0.03),
    "wma": SampleFormat("av", "asf", "wmav2", 44_100, tolerance=1.0, missing_s=0.04),
    "mkv-pcm": SampleFormat("av", "matroska", "pcm_s16le"),
}


def encode_soundfile(
    waveform: NDArray[np.float32], sample_rate: int, container: str = "WAV", codec: str = "PCM_16"
) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform, sample_rate, format=container, subtype=codec)
    return file.getvalue()


def encode_av(
    waveform: NDArray[np.float32],
    sample_rate: int,
    container: str,
    codec: str,
    **options: str,
) -> bytes:
    """A file of waveform [n], mono; `video` is a codec for pictures, other options are FFmpeg's."""
    return encode_pieces([(0.0, waveform)], sample_rate, container, codec, **options)


def encode_pieces(
    pieces: Sequence[tuple[float, NDArray[np.float32]]],
    sample_rate: int,
    container: str,
    codec: str,
    **options: str,
) -> bytes:
    """As `encode_av`, of waveforms [n] with the time of each, in seconds; pictures start at 0 s.

    All but the last have to be whole frames of the codec. Of pictures, ten a second, there are
    `pictures`.
    """
    file = io.BytesIO()
    video_codec, num_pictures = options.pop("video", None), int(options.pop("pictures", "10"))
    with av.open(file, "w", format=container, options=options) as output:
        audio = output.add_stream(codec, rate=sample_rate, layout="mono", bit_rate=64_000)
        assert isinstance(audio, AudioStream)
        if video_codec:
            _write_video(output, video_codec, num_pictures)
        for start_s, waveform in pieces:
            for frame in _frames(audio, waveform, round(start_s * sample_rate)):
                output.mux(audio.encode(frame))
        output.mux(audio.encode(None))
    return file.getvalue()


def _frames(
    audio: AudioStream, waveform: NDArray[np.float32], start: int
) -> Iterator[av.AudioFrame]:
    """A waveform [n] as an encoder takes it, from sample number `start` on."""
    context = audio.codec_context
    frame = av.AudioFrame.from_ndarray(waveform[None, :], format="fltp", layout="mono")
    frame.sample_rate = context.sample_rate
    frame.time_base = Fraction(1, context.sample_rate)
    frame.pts = start
    resampler = av.AudioResampler(
        context.format, "mono", context.sample_rate, context.frame_size or None
    )
    yield from resampler.resample(frame)
    yield from resampler.resample(None)


def encode_silent_video() -> bytes:
    """An MP4 file of ten black pictures and no audio track."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as output:
        _write_video(output, "mpeg4", 10)
    return file.getvalue()


def _write_video(output: OutputContainer, codec: str, num_pictures: int) -> None:
    video = output.add_stream(codec, rate=10, width=32, height=32, pix_fmt="yuv420p")
    assert isinstance(video, VideoStream)
    for _ in range(num_pictures):
        output.mux(video.encode(av.VideoFrame(32, 32, "yuv420p")))
    output.mux(video.encode(None))


def without_sizes(wav: bytes, riff_size: int = 0, chunk_size: int = 0) -> bytes:
    """A WAV file as a program writes it that cannot seek back to fill in the sizes."""
    position = wav.index(b"data") + 4
    sizes = struct.pack("<I", riff_size), struct.pack("<I", chunk_size)
    return wav[:4] + sizes[0] + wav[8:position] + sizes[1] + wav[position + 4 :]
