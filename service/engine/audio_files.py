"""Reading audio files: what is inside any container, as blocks at the file's own rate.

FFmpeg, through PyAV, reads them; libsndfile, through soundfile, those few that it does not know,
and WAV files that are as long as they say, which it reads ten times as fast and alike; the
plainest of these need neither.
For other files the other way round was measured too: whole ones come out alike, but libsndfile
takes a WAV file of unknown length for empty, ends a chained Ogg file after its first part and a
damaged FLAC or MP3 file at the first bad frame, where FFmpeg goes on behind it, and prints to the
standard error.

A file is a stranger's: it cannot make FFmpeg open anything else, neither files nor the network.
Only formats that hold their audio themselves are accepted, so no playlists (HLS, DASH, concat),
and FFmpeg is left no protocol to open a second source with. Either of the two alone suffices.
"""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from typing import Any, BinaryIO

import av
import numpy as np
from av.audio.frame import AudioFrame
from av.audio.stream import AudioStream
from av.container import InputContainer
from numpy.typing import NDArray

from service.engine.audio_track import AudioTrack, NativeBlock
from service.engine.errors import InvalidAudio
from service.engine.raw_audio import RawAudio
from service.engine.sound_files import open_sound, sound_track, whole_wav
from service.engine.timeline import gap_s, on_timeline
from service.engine.unreadable_audio import INDEX_CUT_OFF, UNKNOWN_CODEC, is_index_cut_off
from service.engine.wav_files import plain_wav

logger = logging.getLogger(__name__)

_SELF_CONTAINED_FORMATS = (
    "aac,ac3,aiff,amr,ape,asf,au,avi,caf,dts,eac3,flac,flv,gsm,loas,matroska,mov,mp3,mpeg,mpegts,"
    "nut,ogg,rm,tak,tta,voc,w64,wav,wv,xwma"
)
# Of the others FFmpeg guesses the duration from the bit rate, which a stranger's file may belie.
_FORMATS_WITH_A_DURATION = {"asf", "avi", "caf", "flac", "matroska", "mov", "ogg", "w64", "wav"}

_CONTAINER_TICK_S = Fraction(1, av.time_base)

# PyAV lets out what FFmpeg says, what Python's codecs say of its tags, and its own checks.
_DECODING_ERRORS = (av.FFmpegError, ValueError, RuntimeError, OverflowError)


@contextmanager
def open_track(file: BinaryIO, raw: RawAudio | None = None) -> Iterator[AudioTrack]:
    """Open the audio track of a file and close it again; the file itself stays open.

    Args:
        file: seekable; it is read from its start.
        raw: what it is, if it has no header that says so.

    Raises:
        InvalidAudio: it holds no audio that can be decoded. `blocks` raises it too, if there is a
            track, but nothing of it can be decoded.
    """
    plain = plain_wav(file) if raw is None else None
    if plain is not None:
        yield plain
        return
    sound = whole_wav(file) if raw is None else None
    if sound is not None:
        with sound:
            yield sound_track(sound)
        return
    file.seek(0)
    try:
        container = _open_container(file, raw)
    except _DECODING_ERRORS as error:
        logger.debug("FFmpeg cannot open the file: %s", error)
    else:
        with container:
            yield _container_track(container, file)
        return
    with open_sound(file) as sound:
        yield sound_track(sound)


class _NamelessFile:
    """The file as FFmpeg may see it: not its name, which would sway the guess at the format."""

    def __init__(self, file: BinaryIO) -> None:
        self.read = file.read
        self.seek = file.seek
        self.tell = file.tell


def _open_container(file: BinaryIO, raw: RawAudio | None) -> InputContainer:
    # An empty list of protocols allows none.
    options = {"format_whitelist": _SELF_CONTAINED_FORMATS, "protocol_whitelist": ""}
    if raw is not None:
        options |= {"format_whitelist": raw.file_format, **raw.demuxer_options}
    return av.open(
        _NamelessFile(file),
        mode="r",
        format=None if raw is None else raw.file_format,
        container_options=options,
        metadata_errors="replace",
    )


def _container_track(container: InputContainer, file: BinaryIO) -> AudioTrack:
    stream = _audio_stream(container, file)
    # Players show the beginning of the earliest stream as zero, whatever the clock says there.
    origin_s = _seconds(container.start_time, _CONTAINER_TICK_S)
    blocks = on_timeline(_container_blocks(container, stream), origin_s)
    return AudioTrack(_declared_s(container, stream, origin_s), blocks)


def _audio_stream(container: InputContainer, file: BinaryIO) -> AudioStream:
    best = container.streams.best("audio")
    if isinstance(best, AudioStream):
        return best
    if is_index_cut_off(file):
        raise InvalidAudio(INDEX_CUT_OFF)
    # FFmpeg takes none for the best if its sound begins behind what was probed.
    for stream in container.streams.audio:
        return stream
    raise InvalidAudio("The file has no audio track. Send one that has sound.")


def _declared_s(
    container: InputContainer, stream: AudioStream, origin_s: float | None
) -> float | None:
    if _FORMATS_WITH_A_DURATION.isdisjoint(container.format.name.split(",")):
        return None
    duration_s = _seconds(stream.duration, stream.time_base)
    if duration_s is None:
        return _seconds(container.duration, _CONTAINER_TICK_S)
    start_s = _seconds(stream.start_time, stream.time_base)
    late_s = 0.0 if start_s is None or origin_s is None else start_s - origin_s
    return gap_s(late_s) + duration_s


def _seconds(ticks: int | None, tick_s: Fraction | None) -> float | None:
    return None if ticks is None or tick_s is None else float(ticks * tick_s)


def _container_blocks(
    container: InputContainer, stream: AudioStream
) -> Iterator[tuple[NativeBlock, float | None]]:
    """Decode packet by packet: what is damaged is left out, what is whole around it is kept.

    With each block comes its time on the container's clock, in seconds, where that is known.
    """
    damages: list[Exception] = []
    num_blocks = 0
    for frame in _frames(container, stream, damages):
        yield NativeBlock(_channels(frame), frame.sample_rate), frame.time
        num_blocks += 1
    if damages and not num_blocks:
        raise InvalidAudio(
            f"None of the file's audio can be decoded: {damages[0]}. It is damaged; send it again."
        )
    if damages:
        logger.warning("%d damaged packets were left out: %s", len(damages), damages[0])


def _frames(
    container: InputContainer, stream: AudioStream, damages: list[Exception]
) -> Iterator[AudioFrame]:
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets, None)
        except _DECODING_ERRORS as error:  # where packets begin is lost; the rest cannot be read
            damages.append(error)
            return
        if packet is None:
            return
        try:
            frames = packet.decode()
        except av.error.DecoderNotFoundError as error:
            raise InvalidAudio(UNKNOWN_CODEC) from error
        except _DECODING_ERRORS as error:
            damages.append(error)
        else:
            yield from (frame for frame in frames if frame.samples)


def _samples(frame: AudioFrame) -> NDArray[Any]:
    """As the decoder gives them: [C, n] if planar, else [1, n * C]."""
    if frame.format.bytes < 8 or "dbl" in frame.format.name:
        return frame.to_ndarray()
    # Integers of 64 bits, which PyAV knows no type for.
    num_samples = frame.samples * (len(frame.layout.channels) if frame.format.is_packed else 1)
    return np.stack([np.frombuffer(bytes(plane), np.int64, num_samples) for plane in frame.planes])


def _channels(frame: AudioFrame) -> NDArray[np.float32]:
    """The channels [C, n] of a frame, full scale at 1."""
    samples = _samples(frame)
    if frame.format.is_packed:
        samples = samples.reshape(frame.samples, -1).T
    zero, full_scale = 0.0, 1.0
    if samples.dtype.kind == "u":
        zero = full_scale = 2.0 ** (8 * samples.itemsize - 1)
    elif samples.dtype.kind == "i":
        full_scale = 2.0 ** (8 * samples.itemsize - 1)
    return ((samples - zero) / full_scale).astype(np.float32)
