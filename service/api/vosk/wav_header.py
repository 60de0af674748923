"""Clients of Vosk that send a WAV file byte by byte, its header first."""

import struct

from service.engine.errors import InvalidAudio

_MAX_HEADER_BYTES = 64 * 1024


class WavHeaderSkipper:
    """Takes the header off a stream that may begin with one; its pieces may be cut anywhere."""

    def __init__(self) -> None:
        self._held = b""  # the start of the stream, while it may be a header
        self._is_past = False

    def feed(self, audio: bytes) -> bytes:
        """What of the stream so far is audio and has not been returned.

        Raises:
            InvalidAudio: the header does not end.
        """
        if self._is_past:
            return audio
        self._held += audio
        start = _audio_start(self._held)
        if start is None:
            return self._wait()
        self._is_past = True
        return self._held[start:]

    def _wait(self) -> bytes:
        if len(self._held) > _MAX_HEADER_BYTES:
            raise InvalidAudio(
                f"The WAV header has no audio within {_MAX_HEADER_BYTES} bytes. Send raw PCM."
            )
        return b""


def _audio_start(held: bytes) -> int | None:
    """Where audio begins in `held`: at once, after a WAV header, or it is not known yet (None).

    A WAV file is "RIFF", a size and "WAVE", then chunks of a name, a size and as many bytes, padded
    to an even number; the one named "data" is the audio.
    """
    if not (held.startswith(b"RIFF") or b"RIFF".startswith(held[:4])):
        return 0
    if len(held) < 12:
        return None
    if held[8:12] != b"WAVE":
        return 0
    position = 12
    while len(held) >= position + 8:
        name, size = struct.unpack_from("<4sI", held, position)
        position += 8
        if name == b"data":
            return position
        position += size + size % 2
    return None
