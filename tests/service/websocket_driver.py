"""A WebSocket client without a socket: it speaks ASGI to the application."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from starlette.types import ASGIApp, Message

PATIENCE_S = 10.0

START = {"type": "start", "sample_rate": 16000, "encoding": "pcm_s16le"}
FINISH = {"type": "finish"}


def pcm16(waveform: NDArray[np.float32]) -> bytes:
    """Samples [n] as `pcm_s16le`."""
    return np.rint(waveform * 2**15).clip(-(2**15), 2**15 - 1).astype("<i2").tobytes()


class Client:
    """One connection. `reads` is cleared to play a client that does not read."""

    connection: asyncio.Future[None]  # the application's; done once it has ended

    def __init__(self) -> None:
        self.to_app: asyncio.Queue[Message] = asyncio.Queue()
        self.from_app: asyncio.Queue[Message] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.to_app.put_nowait({"type": "websocket.connect"})

    def send(self, message: dict[str, Any] | str | bytes) -> None:
        if isinstance(message, bytes):
            self.to_app.put_nowait({"type": "websocket.receive", "bytes": message})
        else:
            text = message if isinstance(message, str) else json.dumps(message)
            self.to_app.put_nowait({"type": "websocket.receive", "text": text})

    def leave(self) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1006})

    async def dropped(self) -> None:
        """Wait until the application ends the connection by itself, without a word of leaving."""
        await asyncio.wait_for(self.connection, PATIENCE_S)

    async def event(self) -> dict[str, Any]:
        """The next event; it must not be the close."""
        message = await self.message()
        assert message["type"] == "websocket.send", message
        event: dict[str, Any] = json.loads(message["text"])
        return event

    async def events_until_close(self) -> tuple[list[dict[str, Any]], int]:
        """All further events, and the code that the connection closes with."""
        events = []
        while (message := await self.message())["type"] == "websocket.send":
            events.append(json.loads(message["text"]))
        assert message["type"] == "websocket.close", message
        return events, message["code"]

    async def message(self) -> Message:
        return await asyncio.wait_for(self.from_app.get(), PATIENCE_S)

    async def receive(self) -> Message:
        """ASGI's receive, as the application calls it."""
        return await self.to_app.get()

    async def deliver(self, message: Message) -> None:
        """ASGI's send, as the application calls it."""
        await self.reads.wait()
        self.from_app.put_nowait(message)


@asynccontextmanager
async def connected(app: ASGIApp, path: str = "/stream") -> AsyncIterator[Client]:
    """A client whose connection has been accepted; on leaving, the application must end."""
    client = Client()
    scope = {
        "type": "websocket",
        "client": ("192.0.2.1", 50000),
        "asgi": {"version": "3.0", "spec_version": "2.4"},
        "scheme": "ws",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "root_path": "",
        "headers": [],
        "subprotocols": [],
        "app": app,
    }
    client.connection = asyncio.ensure_future(app(scope, client.receive, client.deliver))
    assert (await client.message())["type"] == "websocket.accept"
    yield client
    client.leave()
    await asyncio.wait_for(client.connection, PATIENCE_S)
