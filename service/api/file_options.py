"""What can be asked for a file: its decoding, the shape of the answer, and how to read it."""

from typing import Literal, TypeAlias

from pydantic import ConfigDict, Field

from service.api.options import DecodingOptions
from service.engine.audio_blocks import MAX_CHANNELS
from service.engine.errors import InvalidOption
from service.engine.pcm import MAX_SAMPLE_RATE, MIN_SAMPLE_RATE
from service.engine.raw_audio import RAW_ENCODINGS, RawAudio, raw_audio

ResponseFormat: TypeAlias = Literal["json", "text", "srt", "vtt", "verbose_json"]
"""`json` is Longwave's own, `verbose_json` is OpenAI's."""

EVENT_STREAM = "text/event-stream"

_RAW_CONTENT_TYPES = {
    "audio/pcmu": "mulaw",
    "audio/pcma": "alaw",
    "audio/g722": "g722",
    "audio/gsm": "gsm",
}


class FileOptions(DecodingOptions):
    """How a file is to be read, decoded and told."""

    model_config = ConfigDict(extra="forbid")

    response_format: ResponseFormat = Field(
        default="json",
        description="`json` has everything, `text` is the text alone, `srt` and `vtt` are "
        "subtitles, and `verbose_json` has the shape of OpenAI's API.",
        examples=["srt"],
    )
    channels: Literal["mix", "separate"] = Field(
        default="mix",
        description="`separate` recognises each channel for itself, as in a recorded call with a "
        f"speaker on each side, and tells a segment's `channel`; at most {MAX_CHANNELS}.",
        examples=["separate"],
    )
    stream: bool | None = Field(
        default=None,
        description="Answer with server-sent events while the file is recognised. Default: as the "
        "header `Accept` says, where it may name `text/event-stream`.",
        examples=[False],
    )
    url: str | None = Field(
        default=None,
        description="Where the file is, instead of sending it; only if the service allows it "
        "(`LONGWAVE_ALLOW_URLS`), and only http and https at public addresses.",
        examples=["https://example.org/speech.mp3"],
    )
    encoding: str | None = Field(
        default=None,
        description="Of raw audio, which has no header to tell it: one channel of this encoding.",
        json_schema_extra={"enum": [*RAW_ENCODINGS]},
        examples=["mulaw"],
    )
    sample_rate: int | None = Field(
        default=None,
        description="Of raw audio in Hz. Default: 8000 for `mulaw`, `alaw` and `gsm`, 16000 for "
        "`g722`.",
        json_schema_extra={"minimum": MIN_SAMPLE_RATE, "maximum": MAX_SAMPLE_RATE},
        examples=[8000],
    )

    def wants_events(self, accept: str) -> bool:
        """Whether the answer is to be events; a header `Accept` decides where no option does."""
        return EVENT_STREAM in accept if self.stream is None else self.stream

    def raw_audio(self, content_type: str = "") -> RawAudio | None:
        """What the file is, if it has no header; a raw body's content type may say so as well.

        Raises:
            InvalidOption: a rate is given for a file that tells its own.
            UnsupportedEncoding: there is no such encoding, or not at such a rate.
        """
        encoding = self.encoding or _RAW_CONTENT_TYPES.get(content_type.partition(";")[0].strip())
        if encoding is not None:
            return raw_audio(encoding, self.sample_rate)
        if self.sample_rate is not None:
            raise InvalidOption(
                "sample_rate is for raw audio; give its encoding as well, or leave it out"
            )
        return None
