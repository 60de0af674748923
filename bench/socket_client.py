"""A WebSocket client as lean as can be: its work must not be what is measured.

It calls back instead of being waited for: waking a task for every message costs more than to send
the message.
"""

import asyncio
import struct
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol, cast

_TEXT, _BINARY, _PING, _PONG = 0x1, 0x2, 0x9, 0xA
_LAST = 0x80  # of a message's frames; on the length: that there is a mask
_LONG, _VERY_LONG = 126, 127  # lengths that say that two or eight bytes of length follow
_LENGTHS = {_LONG: struct.Struct(">H"), _VERY_LONG: struct.Struct(">Q")}
_NO_MASK = b"\0\0\0\0"  # a mask protects proxies, of which there are none here
_SWITCHING_PROTOCOLS = b"HTTP/1.1 101 "


class SocketFailed(Exception):
    """The server refused the connection, closed it, or sent what was not expected."""


class Listener(Protocol):
    """Whoever talks over a socket. Nothing of it may raise."""

    def hear(self, message: str) -> None:
        """Take a text that the server sent."""

    def lose(self, error: Exception) -> None:
        """Take note that nothing more will come; also after the socket was closed."""

    def go_on(self) -> None:
        """Take note that the socket is not full any more."""


class Socket(asyncio.Protocol):
    """A WebSocket from its handshake on: `opened` makes one.

    Messages from the server must come in one frame each, which uvicorn's do.
    """

    def __init__(self, path: str, listener: Listener) -> None:
        self._path = path
        self._listener = listener
        self._unread = b""
        self._failure: Exception | None = None  # why this end gave up
        self._has_shaken_hands = asyncio.get_running_loop().create_future()
        self.is_full = False  # the server does not read: what is sent now only waits here

    def send(self, message: str | bytes) -> None:
        """Send a message."""
        if isinstance(message, str):
            self._send(_TEXT, message.encode())
        else:
            self._send(_BINARY, message)

    async def ready(self) -> None:
        """Wait for the handshake. Raises SocketFailed where the server refuses it."""
        await self._has_shaken_hands

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        head = [
            f"GET {self._path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {b64encode(bytes(16)).decode()}",
            "Sec-WebSocket-Version: 13",
        ]
        self._transport.write("\r\n".join([*head, "", ""]).encode())

    def data_received(self, received: bytes) -> None:
        self._unread += received
        try:
            if not self._has_shaken_hands.done():
                self._shake_hands()
            else:
                self._take_frames()
        except SocketFailed as error:
            self._failure = error
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        error = self._failure or error or SocketFailed("the server closed the connection")
        if self._has_shaken_hands.done():
            self._listener.lose(error)
        else:
            self._has_shaken_hands.set_exception(error)

    def pause_writing(self) -> None:
        self.is_full = True

    def resume_writing(self) -> None:
        self.is_full = False
        self._listener.go_on()

    def _shake_hands(self) -> None:
        answer, end, rest = self._unread.partition(b"\r\n\r\n")
        if not end:
            return
        if not answer.startswith(_SWITCHING_PROTOCOLS):
            raise SocketFailed(answer.decode(errors="replace").splitlines()[0])
        self._unread = rest
        self._has_shaken_hands.set_result(None)

    def _take_frames(self) -> None:
        start = 0
        while (bounds := _payload(self._unread, start)) is not None:
            payload = self._unread[bounds]
            self._take(self._unread[start], payload)
            start = bounds.stop
        self._unread = self._unread[start:]

    def _take(self, kind: int, payload: bytes) -> None:
        if kind == _LAST | _TEXT:
            self._listener.hear(payload.decode())
        elif kind == _LAST | _PING:
            self._send(_PONG, payload)
        else:
            raise SocketFailed(f"a frame of kind {kind:#x}, {payload[2:].decode()!r}")

    def _send(self, kind: int, payload: bytes) -> None:
        head = bytes([_LAST | kind]) + _length(len(payload)) + _NO_MASK
        self._transport.write(head + payload)


@asynccontextmanager
async def opened(port: int, path: str, listener: Listener) -> AsyncIterator[Socket]:
    """A WebSocket to a server on this machine, for the block.

    Raises:
        SocketFailed: it is refused.
        OSError: nothing listens there.
    """
    loop = asyncio.get_running_loop()
    transport, socket = await loop.create_connection(
        lambda: Socket(path, listener), "127.0.0.1", port
    )
    try:
        await socket.ready()
        yield socket
    finally:
        transport.close()


def _payload(received: bytes, start: int) -> slice | None:
    """Where the payload of the frame at `start` is; None until all of it is there."""
    head = start + 2
    if len(received) < head:
        return None
    length = received[start + 1]
    if length >= _LONG:
        long = _LENGTHS[length]
        if len(received) < head + long.size:
            return None
        (length,) = long.unpack_from(received, head)
        head += long.size
    return slice(head, head + length) if len(received) >= head + length else None


def _length(size: int) -> bytes:
    """A masked frame's length (RFC 6455, section 5.2)."""
    if size < _LONG:
        return bytes([_LAST | size])
    code = _LONG if size < 2**16 else _VERY_LONG
    return bytes([_LAST | code]) + _LENGTHS[code].pack(size)
