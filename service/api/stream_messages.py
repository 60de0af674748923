"""The JSON messages of the WebSocket `/stream`, in both directions. Times are seconds."""

import json
from typing import Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.api.errors import InvalidMessage, PublicError
from service.api.option_parsing import describe
from service.api.options import DecodingOptions
from service.api.schemas import AlternativeSchema, Rounded, Seconds, TimingsSchema, WordSchema
from service.engine.bundle import Bundle
from service.engine.events import Final, Partial
from service.engine.stream import Stream


class Start(DecodingOptions):
    """The client's first message: what it is going to send, and how it wants it decoded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["start"]
    sample_rate: int
    encoding: str = "pcm_s16le"
    interim_results: bool = True


class Finalize(BaseModel):
    """The utterance in progress is to end here; more audio may follow."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["finalize"]


class KeepAlive(BaseModel):
    """The client is silent, but there."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["keepalive"]


class Finish(BaseModel):
    """The client's last message."""

    model_config = ConfigDict(extra="forbid", strict=True)

    type: Literal["finish"]


ClientMessage: TypeAlias = Start | Finalize | KeepAlive | Finish

_MESSAGES: dict[str, type[ClientMessage]] = {
    "start": Start,
    "finalize": Finalize,
    "keepalive": KeepAlive,
    "finish": Finish,
}


def parse_message(text: str) -> ClientMessage:
    """Read a client's text message.

    Raises:
        InvalidMessage: it is not JSON, of an unknown type, or has wrong fields.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidMessage("The message is not JSON.") from None
    kind = fields.get("type") if isinstance(fields, dict) else None
    if not isinstance(kind, str) or kind not in _MESSAGES:
        allowed = ", ".join(f'"{name}"' for name in _MESSAGES)
        raise InvalidMessage(f'The message must be a JSON object whose "type" is one of {allowed}.')
    try:
        return _MESSAGES[kind].model_validate(fields)
    except ValidationError as error:
        raise InvalidMessage(describe(error, _MESSAGES[kind], "field")) from None


class ReadyEvent(BaseModel):
    """Audio may be sent now."""

    type: Literal["ready"] = "ready"
    model: str
    sample_rate: int
    encoding: str

    @classmethod
    def of(cls, start: Start, bundle: Bundle) -> "ReadyEvent":
        return cls(model=bundle.name, sample_rate=start.sample_rate, encoding=start.encoding)


class PartialEvent(BaseModel):
    """What the utterance in progress reads like so far."""

    type: Literal["partial"] = "partial"
    is_final: Literal[False] = False
    speech_final: Literal[False] = False
    text: str
    stable: str = Field(description="the prefix of the text that never changes afterwards")
    start: Seconds

    @classmethod
    def of(cls, partial: Partial) -> "PartialEvent":
        return cls(text=partial.text, stable=partial.stable, start=partial.start_s)


class FinalEvent(BaseModel):
    """An utterance that has ended."""

    type: Literal["final"] = "final"
    is_final: Literal[True] = True
    speech_final: bool = Field(description="the speaker paused; false: it was cut before that")
    text: str
    words: list[WordSchema]
    start: Seconds
    end: Seconds
    confidence: Rounded
    alternatives: list[AlternativeSchema]

    @classmethod
    def of(cls, final: Final) -> "FinalEvent":
        segment = final.segment
        return cls(
            speech_final=not segment.is_cut,
            text=segment.text,
            words=[WordSchema.of(word) for word in segment.words],
            start=segment.start_s,
            end=segment.end_s,
            confidence=segment.confidence,
            alternatives=[AlternativeSchema.of(other) for other in segment.alternatives],
        )


class FinalizedEvent(BaseModel):
    """A `finalize` has been done; the finals that it forced came before this."""

    type: Literal["finalized"] = "finalized"
    duration: Seconds = Field(description="of the audio that has been answered")

    @classmethod
    def of(cls, stream: Stream) -> "FinalizedEvent":
        return cls(duration=stream.duration_s)


class DoneEvent(BaseModel):
    """All audio has been answered; the connection closes."""

    type: Literal["done"] = "done"
    duration: Seconds
    timings: TimingsSchema

    @classmethod
    def of(cls, stream: Stream) -> "DoneEvent":
        return cls(duration=stream.duration_s, timings=TimingsSchema.of(stream.timings))


class ErrorEvent(BaseModel):
    """Why the connection closes."""

    type: Literal["error"] = "error"
    code: str
    message: str

    @classmethod
    def of(cls, error: PublicError) -> "ErrorEvent":
        return cls(code=error.meaning.code, message=error.message)


ServerEvent: TypeAlias = (
    ReadyEvent | PartialEvent | FinalEvent | FinalizedEvent | DoneEvent | ErrorEvent
)
