"""A real server on real sockets, for what only they can show."""

import asyncio
import socket
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import uvicorn


class LiveServer(uvicorn.Server):
    """uvicorn on a free port, inside the test's event loop."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.is_up = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.is_up.set()

    @property
    def address(self) -> str:
        host, port = self.servers[0].sockets[0].getsockname()
        return f"{host}:{port}"


@asynccontextmanager
async def live(
    config: uvicorn.Config, sockets: Sequence[socket.socket] | None = None
) -> AsyncIterator[LiveServer]:
    """A server that is up; on leaving, it must stop."""
    server = LiveServer(config)
    task = asyncio.create_task(server.serve(None if sockets is None else list(sockets)))
    await asyncio.wait_for(server.is_up.wait(), 10.0)
    yield server
    server.should_exit = True
    await asyncio.wait_for(task, 10.0)
