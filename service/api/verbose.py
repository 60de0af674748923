"""`verbose_json`: a transcript in the shape that OpenAI's transcription API made common.

Its segments are the sentence-like ones of the subtitles. The official client requires every field
of a segment; those that only a model of OpenAI's has stand at their neutral values.
"""

import math
import zlib
from typing import Literal

from pydantic import BaseModel, Field

from service.api.schemas import Rounded, Seconds
from service.engine.subtitles import sentences
from service.engine.transcript import Segment, TimedWord, Transcript

_SMALLEST_CONFIDENCE = 1e-5  # so that its logarithm is a number


class VerboseWord(BaseModel):
    """A word and where it was said."""

    word: str = Field(examples=["hello"])
    start: Seconds = Field(examples=[0.32])
    end: Seconds = Field(examples=[0.72])

    @classmethod
    def of(cls, word: TimedWord) -> "VerboseWord":
        return cls(word=word.text, start=word.start_s, end=word.end_s)


class VerboseSegment(BaseModel):
    """About a sentence."""

    id: int = Field(examples=[0])
    channel: int | None = Field(
        default=None,
        description="of the audio, where channels were recognised separately",
        exclude_if=lambda channel: channel is None,
    )
    seek: int = Field(default=0, description="always 0: there are no windows to seek")
    start: Seconds = Field(examples=[0.32])
    end: Seconds = Field(examples=[1.2])
    text: str = Field(examples=["hello world"])
    tokens: list[int] = Field(default=[], description="always empty: the model has letters")
    temperature: float = Field(default=0.0, description="always 0: nothing is drawn by chance")
    avg_logprob: Rounded = Field(
        description="natural logarithm of the words' confidence, on average", examples=[-0.062]
    )
    compression_ratio: Rounded = Field(
        description="of the text's length to its length when compressed", examples=[0.579]
    )
    no_speech_prob: float = Field(default=0.0, description="always 0: silence has no segment")

    @classmethod
    def of(cls, number: int, segment: Segment) -> "VerboseSegment":
        return cls(
            id=number,
            channel=segment.channel,
            start=segment.start_s,
            end=segment.end_s,
            text=segment.text,
            avg_logprob=_mean_log_confidence(segment),
            compression_ratio=_compression_ratio(segment.text),
        )


class VerboseTranscription(BaseModel):
    """What was said in a file, as OpenAI's API tells it."""

    task: Literal["transcribe"] = "transcribe"
    language: str = Field(examples=["en"])
    duration: Seconds = Field(examples=[1.48])
    text: str = Field(examples=["hello world"])
    words: list[VerboseWord] | None
    segments: list[VerboseSegment] | None

    @classmethod
    def of(cls, transcript: Transcript, language: str) -> "VerboseTranscription":
        pieces = enumerate(sentences(transcript.segments))
        return cls(
            language=language,
            duration=transcript.duration_s,
            text=transcript.text,
            words=[VerboseWord.of(word) for word in transcript.words],
            segments=[VerboseSegment.of(number, piece) for number, piece in pieces],
        )


def _mean_log_confidence(segment: Segment) -> float:
    logs = [math.log(max(word.confidence, _SMALLEST_CONFIDENCE)) for word in segment.words]
    return sum(logs) / len(logs)


def _compression_ratio(text: str) -> float:
    encoded = text.encode()
    return len(encoded) / len(zlib.compress(encoded))
