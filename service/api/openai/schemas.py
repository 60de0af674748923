"""The answers to a transcription, with every field that OpenAI's own types have."""

import math
from collections.abc import Iterable
from typing import Literal

from pydantic import BaseModel, Field

from service.api.openai.form import TranscriptionForm
from service.api.openai.languages import language_name
from service.api.schemas import Seconds
from service.api.verbose import VerboseSegment, VerboseTranscription
from service.engine.bundle import Bundle
from service.engine.transcript import TimedWord, Transcript

_VERY_UNLIKELY = -9999.0  # OpenAI's logarithm of a probability of 0


class Logprob(BaseModel):
    """How sure a word is. A word is a token, with the space before it."""

    token: str = Field(examples=["hello"])
    bytes: list[int]
    logprob: float = Field(description="natural logarithm of the word's confidence")


class Usage(BaseModel):
    """What the request took."""

    type: Literal["duration"] = "duration"
    seconds: Seconds


class OpenAITranscription(BaseModel):
    """`response_format=json`."""

    text: str = Field(examples=["hello world"])
    logprobs: list[Logprob] | None = Field(default=None, description="with `include[]=logprobs`")
    usage: Usage

    @classmethod
    def of(cls, transcript: Transcript, form: TranscriptionForm) -> "OpenAITranscription":
        return cls(
            text=transcript.text,
            logprobs=logprobs_of(transcript.words) if form.include else None,
            usage=Usage(seconds=transcript.duration_s),
        )


class OpenAIVerboseTranscription(VerboseTranscription):
    """`response_format=verbose_json`."""

    usage: Usage

    @classmethod
    def answering(
        cls, transcript: Transcript, form: TranscriptionForm, bundle: Bundle
    ) -> "OpenAIVerboseTranscription":
        """The times that `form` asks for; the others are null."""
        verbose = VerboseTranscription.of(transcript, language_name(bundle.language))
        return cls(
            language=verbose.language,
            duration=verbose.duration,
            text=verbose.text,
            words=verbose.words if form.has_words else None,
            segments=_joinable(verbose.segments or []) if form.has_segments else None,
            usage=Usage(seconds=transcript.duration_s),
        )


def _joinable(segments: list[VerboseSegment]) -> list[VerboseSegment]:
    """Segments whose texts begin with a space, as OpenAI's do: clients put them together."""
    return [segment.model_copy(update={"text": f" {segment.text}"}) for segment in segments]


def logprobs_of(words: Iterable[TimedWord], *, starts_text: bool = True) -> list[Logprob]:
    """One a word; the tokens spell the text, or what follows it unless `starts_text`."""
    tokens = [(f" {word.text}", _logprob(word)) for word in words]
    if starts_text and tokens:
        tokens[0] = (tokens[0][0].removeprefix(" "), tokens[0][1])
    return [
        Logprob(token=token, bytes=list(token.encode()), logprob=logprob)
        for token, logprob in tokens
    ]


def _logprob(word: TimedWord) -> float:
    return math.log(word.confidence) if word.confidence > 0 else _VERY_UNLIKELY
