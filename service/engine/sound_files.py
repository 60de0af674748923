"""Audio files that libsndfile reads: whole WAV files, and what FFmpeg does not know."""

import logging
import os
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO

import soundfile

from service.engine.audio_track import BLOCK_SAMPLES, AudioTrack, NativeBlock
from service.engine.errors import InvalidAudio
from service.engine.unreadable_audio import why_unreadable

logger = logging.getLogger(__name__)

_RIFF_HEADER = struct.Struct("<4sI4s")
_WAV_SUBTYPES = {"PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"}


def whole_wav(file: BinaryIO) -> soundfile.SoundFile | None:
    """The file, if it is a WAV file of whole PCM or float samples and of just the length it says.

    Any doubt is left to FFmpeg.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    riff, declared, wave = _RIFF_HEADER.unpack(file.read(_RIFF_HEADER.size).ljust(12, b"\0"))
    if (riff, wave) != (b"RIFF", b"WAVE") or declared + 8 != size:
        return None
    file.seek(0)
    try:
        sound = soundfile.SoundFile(file)
    except (soundfile.LibsndfileError, TypeError):
        return None
    if sound.frames and sound.subtype in _WAV_SUBTYPES:
        return sound
    sound.close()
    return None


def sound_track(sound: soundfile.SoundFile) -> AudioTrack:
    """The audio of an open file."""
    return AudioTrack(sound.frames / sound.samplerate, _sound_blocks(sound))


@contextmanager
def open_sound(file: BinaryIO) -> Iterator[soundfile.SoundFile]:
    """Open a file of any kind that libsndfile knows; raises InvalidAudio where it knows none."""
    file.seek(0)
    try:
        sound = soundfile.SoundFile(file)
    except (soundfile.LibsndfileError, TypeError) as error:  # TypeError: headerless by its name
        raise InvalidAudio(why_unreadable(file)) from error
    with sound:
        yield sound


def _sound_blocks(sound: soundfile.SoundFile) -> Iterator[NativeBlock]:
    num_frames = max(1, BLOCK_SAMPLES // sound.channels)
    while True:
        try:
            samples = sound.read(num_frames, dtype="float32", always_2d=True)  # [n, C]
        except soundfile.LibsndfileError as error:
            logger.warning("the rest of a damaged file was left out: %s", error)
            return
        if not len(samples):
            return
        yield NativeBlock(samples.T, sound.samplerate)
