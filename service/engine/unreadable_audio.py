"""Telling a caller why what they sent cannot be read as audio, and what to send instead."""

import os
import struct
from typing import BinaryIO, Final

_REMEDY = (
    "Send WAV, FLAC, MP3, Ogg (Vorbis or Opus), M4A, WebM, AMR, GSM, WMA or another format that "
    "FFmpeg reads."
)
UNKNOWN_CODEC: Final = f"The file's audio is in a codec that cannot be read. {_REMEDY}"
INDEX_CUT_OFF: Final = (
    "The file's index (the moov atom), which is at its end, is missing: the file was cut off. Send "
    "the whole of it."
)
_TEXTS = {
    b"#extm3u": "a playlist, which refers to audio elsewhere",
    b"ffconcat": "a playlist, which refers to audio elsewhere",
    b"[playlist]": "a playlist, which refers to audio elsewhere",
    b"<": "a web page or another markup document",
    b"{": "a JSON document",
}
_HEAD_BYTES = 64
_ATOM = struct.Struct(">I4sQ")  # ISO/IEC 14496-12, 4.2: size, type, and size if the first is 1
_MAX_ATOMS = 100  # of a whole file there are a handful before its index


def why_unreadable(file: BinaryIO) -> str:
    """What a file is that no decoder can open, as a sentence for its sender, with the remedy."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return INDEX_CUT_OFF
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, what in _TEXTS.items():
        if start.startswith(beginning):
            return f"This is not audio but {what}. {_REMEDY}"
    return f"This is not audio in a format that can be read, or its beginning is damaged. {_REMEDY}"


def is_index_cut_off(file: BinaryIO) -> bool:
    """Whether it is an MP4 file that ends within its moov atom. It stays where it is read."""
    position = file.tell()
    try:
        return _ends_within_moov(file)
    finally:
        file.seek(position)


def _ends_within_moov(file: BinaryIO) -> bool:
    file_size = file.seek(0, os.SEEK_END)
    end = 0
    for _ in range(_MAX_ATOMS):
        if end > file_size:
            return False
        file.seek(end)
        size, name, long_size = _ATOM.unpack(file.read(_ATOM.size).ljust(_ATOM.size, b"\0"))
        end += long_size if size == 1 else size
        if name == b"moov":
            return bool(end > file_size)
    return False
