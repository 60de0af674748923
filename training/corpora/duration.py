"""How long a recording is, from its container's header: nothing is decoded."""

from pathlib import Path

import av
import soundfile


class UnreadableAudio(Exception):
    """Neither soundfile nor PyAV finds audio of a known length in a file."""


def audio_duration_s(path: Path) -> float:
    """Duration in seconds. Raises UnreadableAudio."""
    try:
        header = soundfile.info(path)
    except (soundfile.SoundFileError, OSError, TypeError):
        return _container_duration_s(path)
    return (
        float(header.frames / header.samplerate) if header.frames else _container_duration_s(path)
    )


def _container_duration_s(path: Path) -> float:
    try:
        with av.open(path) as container:
            stream = container.streams.audio[0]
            if stream.duration is not None and stream.time_base is not None:
                return float(stream.duration * stream.time_base)
            if container.duration is not None:
                return container.duration / av.time_base
    # PyAV raises many types on damaged input (OSError, ValueError, IndexError, UnicodeError, ...).
    except Exception as error:
        raise UnreadableAudio(f"{path}: {error}") from error
    raise UnreadableAudio(f"{path}: its header gives no duration")
