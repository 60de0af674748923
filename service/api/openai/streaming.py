"""`stream=true`: the text as server-sent events, while the file is being recognised."""

import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Literal

from fastapi import Request
from pydantic import BaseModel
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from service.api.disconnect import unless_disconnected
from service.api.errors import explain
from service.api.openai.errors import openai_error
from service.api.openai.schemas import Logprob, logprobs_of
from service.engine.transcript import Segment, TimedWord

logger = logging.getLogger(__name__)


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


async def streamed(
    request: Request, segments: AsyncGenerator[list[Segment], None], *, with_logprobs: bool
) -> StreamingResponse:
    """Answer with the text of `segments`, which is closed with the answer.

    Its first item is awaited before the answer begins, so that what is wrong by then has a status.

    Raises:
        Whatever `segments` raises before its first item.
        ClientDisconnect: the client left.
    """
    async with AsyncExitStack() as on_error:
        await on_error.enter_async_context(aclosing(segments))
        first = await unless_disconnected(request, _first(segments))
        on_error.pop_all()
    return _EventStream(_events(first, segments, with_logprobs), segments)


async def _first(segments: AsyncGenerator[list[Segment], None]) -> list[Segment]:
    return await anext(segments)


class _EventStream(StreamingResponse):
    """Closes what it streams from, also when the client leaves."""

    def __init__(
        self, events: AsyncIterator[str], source: AsyncGenerator[list[Segment], None]
    ) -> None:
        headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
        super().__init__(events, headers=headers, media_type="text/event-stream")
        self._source = source

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with aclosing(self._source):
            await super().__call__(scope, receive, send)


async def _events(
    first: list[Segment], rest: AsyncIterator[list[Segment]], with_logprobs: bool
) -> AsyncIterator[str]:
    text = _Text(with_logprobs)
    try:
        for segment in first:
            yield _event(text.add(segment))
        async for segments in rest:
            for segment in segments:
                yield _event(text.add(segment))
    except Exception as error:  # the answer has begun: no status can tell of it any more
        public = explain(error)
        if public.is_our_fault:
            logger.exception("a streamed transcription failed")
        yield f"data: {json.dumps(openai_error(public))}\n\n"
    else:
        yield _event(text.done())


class _Text:
    """What has been said so far."""

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
