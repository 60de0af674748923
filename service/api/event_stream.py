"""Server-sent events of a file: its progress, its segments as they end, and the whole at the end.

The format is that of https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, aclosing, suppress

from fastapi import Request
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field
from starlette.requests import ClientDisconnect
from starlette.types import Message, Receive, Scope, Send

from service.api.disconnect import unless_disconnected
from service.api.error_handlers import error_body
from service.api.errors import PublicError, explain
from service.api.file_job import FileJob
from service.api.file_options import EVENT_STREAM
from service.api.schemas import Seconds, SegmentSchema, WordSchema
from service.engine.errors import StreamClosed
from service.engine.transcript import Segment, Transcript
from service.engine.transcription import Progress

logger = logging.getLogger(__name__)

_PROGRESS_S = 10.0  # of audio, at least, between two reports


class ProgressEvent(BaseModel):
    """How far a file is recognised."""

    heard: Seconds
    duration: Seconds | None = Field(description="as its header says, if it says so")


class SegmentEvent(SegmentSchema):
    """A segment that has ended, with its words."""

    words: list[WordSchema]

    @classmethod
    def of(cls, segment: Segment) -> "SegmentEvent":
        words = [WordSchema.of(word, segment.channel) for word in segment.words]
        return cls(**dict(SegmentSchema.of(segment)), words=words)


class EventStream(StreamingResponse):
    """The events of one job, as an answer.

    Args:
        events: the texts of all events. Should something go wrong, one that tells it is the last.
        error_event: the text of that.
        held: what the job needs; let go when the client has all events, or leaves.
        timeout_s: how long it may take to read what is sent; then it is taken for gone.
    """

    media_type = EVENT_STREAM

    def __init__(
        self,
        events: AsyncGenerator[str, None],
        error_event: Callable[[PublicError], str],
        held: AsyncExitStack,
        timeout_s: float,
    ) -> None:
        # nginx would otherwise collect the events before it passes them on.
        super().__init__(events, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._events = events
        self._error_event = error_event
        self._held = held
        self._timeout_s = timeout_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_in_time(message: Message) -> None:
            async with asyncio.timeout(self._timeout_s):
                await send(message)

        async with self._held, aclosing(self._events):
            with suppress(TimeoutError, ClientDisconnect):  # nobody is left to tell
                await self._answer(Request(scope, receive), send_in_time)

    async def _answer(self, request: Request, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        try:
            await unless_disconnected(request, self._send_events(send))
        except asyncio.CancelledError:  # the server stops, and has waited long enough
            await send(_part(self._error_event(explain(StreamClosed("the service stops")))))
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send_events(self, send: Send) -> None:
        async with aclosing(self._with_error()) as events:
            async for event in events:
                await send(_part(event))

    async def _with_error(self) -> AsyncGenerator[str, None]:
        try:
            async for event in self._events:
                yield event
        except Exception as error:
            public = explain(error)
            if public.is_our_fault:
                logger.exception("a file failed while its progress was told")
            yield self._error_event(public)


async def begun(job: FileJob) -> AsyncGenerator[str, None]:
    """The events of a job whose work has begun: what is wrong with it so far is raised here.

    They are `progress` and `segment`, then `done` with what a plain answer has. They raise what
    goes wrong later.
    """
    events = _events(job)
    return _resumed(await anext(events), events)


def error_event(public: PublicError) -> str:
    """The event `error`."""
    return _event("error", error_body(public).model_dump_json())


async def _resumed(first: str, events: AsyncGenerator[str, None]) -> AsyncGenerator[str, None]:
    async with aclosing(events):
        yield first
        async for event in events:
            yield event


async def _events(job: FileJob) -> AsyncGenerator[str, None]:
    due_s = 0.0
    async with aclosing(job.parts()) as parts:
        async for part in parts:
            if isinstance(part, Transcript):
                yield _event("done", await job.told(part))
                return
            for segment in part.segments:
                yield _event("segment", SegmentEvent.of(segment).model_dump_json(exclude_none=True))
            if part.heard_s >= due_s:
                due_s = part.heard_s + _PROGRESS_S
                yield _event("progress", _progress(part, job))


def _progress(part: Progress, job: FileJob) -> str:
    return ProgressEvent(heard=part.heard_s, duration=job.audio.declared_s).model_dump_json()


def _event(name: str, body: str) -> str:
    lines = "".join(f"data: {line}\n" for line in body.split("\n"))
    return f"event: {name}\n{lines}\n"


def _part(event: str) -> Message:
    return {"type": "http.response.body", "body": event.encode(), "more_body": True}
