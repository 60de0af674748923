"""Both ends of a WebSocket: messages in, bounded in size and time, and a bounded queue out."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from types import TracebackType

from starlette.websockets import WebSocket, WebSocketDisconnect

from service.api.errors import ClientIdle, MessageTooLarge
from service.api.gathering import SERVICE_RESTART, gathering_of
from service.api.patience import Patience
from service.api.stream_messages import FinalEvent, PartialEvent, ServerEvent
from service.engine.errors import StreamClosed

_MAX_PENDING_EVENTS = 1000
_MAX_TEXT_CHARACTERS = 2**17  # of a message; more would keep everybody waiting while it is checked


class Inbox:
    """What a client sends. Little is read ahead: a busy engine holds the client back.

    Whoever has received enough closes it.
    """

    def __init__(self, websocket: WebSocket, max_message_bytes: int, idle_timeout_s: float) -> None:
        self._websocket = websocket
        self._max_message_bytes = max_message_bytes
        self._idle_timeout_s = idle_timeout_s
        self._patience = Patience(idle_timeout_s)
        self._gathering = gathering_of(websocket.scope)
        self._last_kept_s: float | None = None  # where what was kept had to be fetched

    def want(self, num_bytes: int) -> None:
        """Say how many more bytes of audio are of use: smaller pieces may be joined until then."""
        if self._gathering:
            self._gathering.want(min(num_bytes, self._max_message_bytes // 2))

    async def receive(self) -> bytes | str:
        """The next message, or several pieces of audio as one.

        Raises:
            MessageTooLarge: it is larger than the limit.
            ClientIdle: none came in time.
            StreamClosed: the service is stopping; the client can still be told.
            WebSocketDisconnect: the client left.
        """
        since_s, self._last_kept_s = self._last_kept_s, None
        try:
            event = await self._patience.wait(self._websocket.receive(), since_s)
        except TimeoutError:
            if self._gathering and (pieces := self._gathering.release()):
                self._last_kept_s = self._gathering.kept_at_s
                return pieces
            raise ClientIdle(
                f"Nothing arrived for {self._idle_timeout_s:g} s. While nobody speaks, send "
                'silence more often than that, or to /stream {"type": "keepalive"}.'
            ) from None
        if event["type"] == "websocket.disconnect":
            if event.get("code") == SERVICE_RESTART:
                raise StreamClosed("the service is stopping")
            raise WebSocketDisconnect(event.get("code", 1005))
        text: str | None = event.get("text")
        return self._checked(event["bytes"]) if text is None else self._checked_text(text)

    def _checked(self, audio: bytes) -> bytes:
        if len(audio) > self._max_message_bytes:
            raise MessageTooLarge(
                f"The message is larger than the limit of {self._max_message_bytes} bytes. "
                "Send the audio in smaller pieces."
            )
        return audio

    def _checked_text(self, text: str) -> str:
        limit = min(_MAX_TEXT_CHARACTERS, self._max_message_bytes)
        if len(text) > limit:
            raise MessageTooLarge(
                f"The message is longer than the limit of {limit} characters of text. "
                "Send audio as binary messages, and fewer options."
            )
        return text

    def close(self) -> None:
        """Wait no more for messages."""
        self._patience.close()


class Outbox:
    """Events on their way to a client, in order, sent by a task of its own.

    A client that reads slowly misses partial events that newer ones replace, and nothing else.
    One that does not read at all is taken for gone.

    Args:
        send: sends one text message; it may wait for the client.
        timeout_s: how long it may wait.
    """

    def __init__(self, send: Callable[[str], Awaitable[None]], timeout_s: float) -> None:
        self._send = send
        self._patience = Patience(timeout_s)
        self._pending: deque[ServerEvent] = deque()
        self._has_news = asyncio.Event()
        self._has_space = asyncio.Event()
        self._ended = False
        self._failure: WebSocketDisconnect | None = None

    async def __aenter__(self) -> "Outbox":
        self._sender = asyncio.create_task(self._send_all())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._sender.cancel()
        await asyncio.wait({self._sender})
        self._patience.close()

    async def put(self, event: ServerEvent) -> None:
        """Queue an event; it waits only when very many are pending.

        Raises:
            WebSocketDisconnect: the client left or does not read.
        """
        if isinstance(event, PartialEvent | FinalEvent):
            self._forget_partial()
        while self._failure is None and len(self._pending) >= _MAX_PENDING_EVENTS:
            self._has_space.clear()
            await self._has_space.wait()
        self._check()
        self._pending.append(event)
        self._has_news.set()

    async def flush(self) -> None:
        """Wait until all events are sent; there must be none after them.

        Raises:
            WebSocketDisconnect: the client left or does not read.
        """
        self._ended = True
        self._has_news.set()
        await self._sender
        self._check()

    def _forget_partial(self) -> None:
        if self._pending and isinstance(self._pending[-1], PartialEvent):
            self._pending.pop()

    def _check(self) -> None:
        if self._failure is not None:
            raise self._failure

    async def _send_all(self) -> None:
        while (event := await self._next()) is not None:
            try:
                await self._patience.wait(self._send(event.model_dump_json(exclude_none=True)))
            except (TimeoutError, WebSocketDisconnect):
                self._failure = WebSocketDisconnect(1006)
                return self._has_space.set()
        return None

    async def _next(self) -> ServerEvent | None:
        while not self._pending and not self._ended:
            self._has_news.clear()
            await self._has_news.wait()
        self._has_space.set()
        return self._pending.popleft() if self._pending else None
