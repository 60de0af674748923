"""A WebSocket client as lean as can be: its work must not be what is measured."""

import struct
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bench.connection import Connection, connected

_TEXT, _BINARY, _PING, _PONG = 0x1, 0x2, 0x9, 0xA
_LAST = 0x80  # of a message's frames; on the length: that there is a mask
_LONG, _VERY_LONG = 126, 127  # lengths that say that two or eight bytes of length follow
_LENGTHS = {_LONG: ">H", _VERY_LONG: ">Q"}
_NO_MASK = b"\0\0\0\0"  # a mask protects proxies, of which there are none here
_SWITCHING_PROTOCOLS = b"HTTP/1.1 101 "


class SocketFailed(Exception):
    """The server refused the connection, closed it, or sent what was not expected."""


class Socket:
    """A WebSocket over a connection whose handshake is done: `opened` makes one.

    Messages from the server must come in one frame each, which uvicorn's do.
    """

    def __init__(self, connection: Connection) -> None:
        self._reader, self._writer = connection

    async def send(self, message: str | bytes) -> None:
        """Send a message; it waits while the server does not read."""
        if isinstance(message, str):
            await self._send(_TEXT, message.encode())
        else:
            await self._send(_BINARY, message)

    async def receive(self) -> str:
        """The next text.

        Raises:
            SocketFailed: the server has closed the connection, or sent something else.
            EOFError: it is gone.
        """
        while True:
            kind, length = await self._reader.readexactly(2)
            if length >= _LONG:
                size = struct.calcsize(_LENGTHS[length])
                (length,) = struct.unpack(_LENGTHS[length], await self._reader.readexactly(size))
            payload = await self._reader.readexactly(length)
            if kind == _LAST | _TEXT:
                return payload.decode()
            if kind != _LAST | _PING:
                raise SocketFailed(f"a frame of kind {kind:#x}, {payload[2:].decode()!r}")
            await self._send(_PONG, payload)

    async def _send(self, kind: int, payload: bytes) -> None:
        head = bytes([_LAST | kind]) + _length(len(payload)) + _NO_MASK
        self._writer.write(head + payload)
        await self._writer.drain()


@asynccontextmanager
async def opened(port: int, path: str) -> AsyncIterator[Socket]:
    """A WebSocket to a server on this machine. Raises SocketFailed where it is refused."""
    head = [
        f"GET {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Connection: Upgrade",
        "Upgrade: websocket",
        f"Sec-WebSocket-Key: {b64encode(bytes(16)).decode()}",
        "Sec-WebSocket-Version: 13",
    ]
    async with connected(port) as (reader, writer):
        writer.write("\r\n".join([*head, "", ""]).encode())
        answer = await reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(_SWITCHING_PROTOCOLS):
            raise SocketFailed(answer.decode(errors="replace").splitlines()[0])
        yield Socket((reader, writer))


def _length(size: int) -> bytes:
    """A masked frame's length (RFC 6455, section 5.2)."""
    if size < _LONG:
        return bytes([_LAST | size])
    code = _LONG if size < 2**16 else _VERY_LONG
    return bytes([_LAST | code]) + struct.pack(_LENGTHS[code], size)
