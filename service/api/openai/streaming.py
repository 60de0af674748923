"""`stream=true`: the text as server-sent events, while the file is being recognised."""

import json
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Literal, TypeAlias

from pydantic import BaseModel

from service.api.errors import PublicError
from service.api.openai.errors import openai_error
from service.api.openai.schemas import Logprob, logprobs_of
from service.engine.transcript import Segment, TimedWord, Transcript
from service.engine.transcription import Progress

Part: TypeAlias = Progress | Transcript


class TextDelta(BaseModel):
    """An utterance that has ended. The deltas together are the text."""

    type: Literal["transcript.text.delta"] = "transcript.text.delta"
    delta: str
    logprobs: list[Logprob] | None = None


class TextDone(BaseModel):
    """All of the text, at the end."""

    type: Literal["transcript.text.done"] = "transcript.text.done"
    text: str
    logprobs: list[Logprob] | None = None


async def first_part(parts: AsyncIterator[Part]) -> Part:
    """What there is to tell first: it has a status, should it be an error."""
    return await anext(parts)


async def text_events(
    first: Part, rest: AsyncIterator[Part], *, with_logprobs: bool
) -> AsyncGenerator[str, None]:
    """The events of a file of one channel, whose parts end with its transcript.

    They raise what `rest` raises.
    """
    text = _Text(with_logprobs)
    for segment in _news(first):
        yield _event(text.add(segment))
    async for part in rest:
        for segment in _news(part):
            yield _event(text.add(segment))
    yield _event(text.done())


def error_event(public: PublicError) -> str:
    """The event that tells an error: the answer has begun, so no status can."""
    return f"data: {json.dumps(openai_error(public))}\n\n"


def _news(part: Part) -> tuple[Segment, ...]:
    """The segments that it is the first to tell: a transcript's have all been told before it."""
    return part.segments if isinstance(part, Progress) else ()


class _Text:
    """What has been told so far."""

    def __init__(self, with_logprobs: bool) -> None:
        self._with_logprobs = with_logprobs
        self._text = ""
        self._words: list[TimedWord] = []

    def add(self, segment: Segment) -> TextDelta:
        delta = f" {segment.text}" if self._text else segment.text
        logprobs = logprobs_of(segment.words, starts_text=not self._text)
        self._text += delta
        self._words += segment.words
        return TextDelta(delta=delta, logprobs=logprobs if self._with_logprobs else None)

    def done(self) -> TextDone:
        logprobs = logprobs_of(self._words) if self._with_logprobs else None
        return TextDone(text=self._text, logprobs=logprobs)


def _event(event: TextDelta | TextDone) -> str:
    return f"data: {event.model_dump_json(exclude_none=True)}\n\n"
