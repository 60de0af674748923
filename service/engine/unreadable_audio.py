"""Telling a caller why what they sent cannot be read as audio, and what to send instead."""

from typing import BinaryIO, Final

_REMEDY = (
    "Send WAV, FLAC, MP3, Ogg (Vorbis or Opus), M4A, WebM, AMR, GSM, WMA or another format that "
    "FFmpeg reads."
)
UNKNOWN_CODEC: Final = f"The file's audio is in a codec that cannot be read. {_REMEDY}"
_TEXTS = {
    b"#extm3u": "a playlist, which refers to audio elsewhere",
    b"ffconcat": "a playlist, which refers to audio elsewhere",
    b"[playlist]": "a playlist, which refers to audio elsewhere",
    b"<": "a web page or another markup document",
    b"{": "a JSON document",
}
_HEAD_BYTES = 64


def why_unreadable(file: BinaryIO) -> str:
    """What a file is that no decoder can open, as a sentence for its sender, with the remedy."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    if head[4:8] == b"ftyp":
        return (
            "The file's index (the moov atom), which is at its end, is missing: the file was cut "
            "off. Send the whole of it."
        )
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for beginning, what in _TEXTS.items():
        if start.startswith(beginning):
            return f"This is not audio but {what}. {_REMEDY}"
    return f"This is not audio in a format that can be read, or its beginning is damaged. {_REMEDY}"
