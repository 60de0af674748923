"""The JSON of the answers, and how the engine's values become it. Times are seconds."""

from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, Field, PlainSerializer

from service.engine.bundle import Bundle
from service.engine.transcript import Alternative, Segment, TimedWord, Timings, Transcript

Rounded = Annotated[float, PlainSerializer(lambda value: round(value, 3), return_type=float)]
Seconds: TypeAlias = Rounded


class WordSchema(BaseModel):
    """A word and where it was said."""

    word: str = Field(examples=["hello"])
    start: Seconds = Field(description="from the start of the audio", examples=[0.32])
    end: Seconds = Field(examples=[0.72])
    confidence: Rounded = Field(description="between 0 and 1", examples=[0.94])
    channel: int | None = Field(
        default=None, description="from 0; only where channels are separate", examples=[0]
    )

    @classmethod
    def of(cls, word: TimedWord, channel: int | None = None) -> "WordSchema":
        return cls(
            word=word.text,
            start=word.start_s,
            end=word.end_s,
            confidence=word.confidence,
            channel=channel,
        )


class AlternativeSchema(BaseModel):
    """Another reading of a segment."""

    text: str = Field(examples=["hello word"])
    score: Rounded = Field(description="natural logarithm, to compare readings", examples=[-4.2])

    @classmethod
    def of(cls, alternative: Alternative) -> "AlternativeSchema":
        return cls(text=alternative.text, score=alternative.score)


class SegmentSchema(BaseModel):
    """Speech between two silences."""

    text: str = Field(examples=["hello world"])
    start: Seconds = Field(description="of its first word", examples=[0.32])
    end: Seconds = Field(description="of its last word", examples=[1.2])
    confidence: Rounded = Field(description="of its words, on average", examples=[0.94])
    channel: int | None = Field(
        default=None, description="from 0; only where channels are separate", examples=[0]
    )
    alternatives: list[AlternativeSchema] = Field(
        description="other readings, best first, as many as `nbest` asks for", examples=[[]]
    )

    @classmethod
    def of(cls, segment: Segment) -> "SegmentSchema":
        return cls(
            text=segment.text,
            start=segment.start_s,
            end=segment.end_s,
            confidence=segment.confidence,
            channel=segment.channel,
            alternatives=[AlternativeSchema.of(other) for other in segment.alternatives],
        )


class TimingsSchema(BaseModel):
    """Where the time went."""

    queued: Seconds = Field(description="waiting for a free worker", examples=[0.004])
    ran: Seconds = Field(description="in the acoustic model", examples=[0.041])
    decoded: Seconds = Field(description="turning its output into text", examples=[0.003])

    @classmethod
    def of(cls, timings: Timings) -> "TimingsSchema":
        return cls(queued=timings.queued_s, ran=timings.run_s, decoded=timings.decode_s)


class TranscriptionResponse(BaseModel):
    """What was said in a file."""

    text: str = Field(description="empty where nobody spoke", examples=["hello world"])
    segments: list[SegmentSchema] = Field(description="in the order of their starts")
    words: list[WordSchema]
    duration: Seconds = Field(
        description="of the audio that could be decoded, which is less than a damaged file claims",
        examples=[1.48],
    )
    model: str = Field(examples=["en"])
    timings: TimingsSchema

    @classmethod
    def of(cls, transcript: Transcript, bundle: Bundle) -> "TranscriptionResponse":
        return cls(
            text=transcript.text,
            segments=[SegmentSchema.of(segment) for segment in transcript.segments],
            words=[
                WordSchema.of(word, segment.channel)
                for segment in transcript.segments
                for word in segment.words
            ],
            duration=transcript.duration_s,
            model=bundle.name,
            timings=TimingsSchema.of(transcript.timings),
        )


class ModelSchema(BaseModel):
    """A model that the service can use."""

    name: str = Field(examples=["en"])
    version: str = Field(examples=["1.0.0"])
    language: str = Field(examples=["en"])
    licence: str = Field(examples=["Apache-2.0"])
    created: str = Field(examples=["2025-01-31"])
    commit: str = Field(description="of the code that trained it", examples=["c011e18"])
    sample_rate: int = Field(description="Hz; other audio is resampled", examples=[16000])

    @classmethod
    def of(cls, bundle: Bundle) -> "ModelSchema":
        return cls(
            name=bundle.name,
            version=bundle.version,
            language=bundle.language,
            licence=bundle.licence,
            created=bundle.created,
            commit=bundle.commit,
            sample_rate=bundle.framing.sample_rate,
        )


class ModelsResponse(BaseModel):
    """All models."""

    models: list[ModelSchema]


class HealthResponse(BaseModel):
    """The process answers."""

    status: Literal["alive"] = "alive"


class ReadyResponse(BaseModel):
    """The service takes work, and how it runs it."""

    status: Literal["ready"] = "ready"
    version: str = Field(description="of the service", examples=["0.1.0"])
    model: ModelSchema
    provider: str = Field(
        description="the execution provider that really runs", examples=["CPUExecutionProvider"]
    )
    precision: str = Field(examples=["float32"])
    warnings: list[str] = Field(description="what is not as it was asked for", examples=[[]])


class ErrorDetail(BaseModel):
    """What went wrong."""

    code: str = Field(description="for programs; it never changes", examples=["invalid_option"])
    message: str = Field(
        description="for people",
        examples=["decoder is 'fast'; it must be one of greedy, beam"],
    )


class ErrorResponse(BaseModel):
    """Every answer that is not 2xx."""

    error: ErrorDetail
