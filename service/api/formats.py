"""A transcript as the text of an answer, in every format that can be asked for."""

from typing import Final

from service.api.file_options import ResponseFormat
from service.api.schemas import TranscriptionResponse
from service.api.verbose import VerboseTranscription
from service.engine.bundle import Bundle
from service.engine.subtitles import to_srt, to_vtt
from service.engine.transcript import Transcript, to_text

MEDIA_TYPES: Final[dict[ResponseFormat, str]] = {
    "json": "application/json",
    "text": "text/plain; charset=utf-8",
    "srt": "application/x-subrip; charset=utf-8",
    "vtt": "text/vtt; charset=utf-8",
    "verbose_json": "application/json",
}


def render(transcript: Transcript, response_format: ResponseFormat, bundle: Bundle) -> str:
    """The transcript as text of the media type that `MEDIA_TYPES` names.

    It takes a tenth of a second for hours of speech: keep it off the event loop.
    """
    if response_format == "text":
        return to_text(transcript)
    if response_format == "srt":
        return to_srt(transcript)
    if response_format == "vtt":
        return to_vtt(transcript)
    if response_format == "verbose_json":
        return VerboseTranscription.of(transcript, bundle.language).model_dump_json()
    return TranscriptionResponse.of(transcript, bundle).model_dump_json(exclude_none=True)
