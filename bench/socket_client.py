"""A WebSocket client as lean as can be: its work must not be what is measured."""

import asyncio
import struct
from base64 import b64encode
from types import TracebackType

_TEXT, _BINARY, _PING, _PONG = 0x1, 0x2, 0x9, 0xA
_LAST = 0x80  # of a message's frames; on the length: that there is a mask
_LONG = 126  # a length that says that two bytes of length follow
_NO_MASK = b"\0\0\0\0"  # a mask protects proxies, of which there are none here
_SWITCHING_PROTOCOLS = b"HTTP/1.1 101 "


class SocketFailed(Exception):
    """The server refused the connection, closed it, or sent what was not expected."""


class Socket:
    """One connection to a server on this machine, as a context manager.

    Messages from the server must come in one frame each, which uvicorn's do.
    """

    def __init__(self, port: int, path: str) -> None:
        self._port = port
        self._path = path

    async def __aenter__(self) -> "Socket":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        key = b64encode(bytes(16)).decode()
        head = [
            f"GET {self._path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        ]
        self._writer.write("\r\n".join([*head, "", ""]).encode())
        answer = await self._reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(_SWITCHING_PROTOCOLS):
            raise SocketFailed(answer.decode(errors="replace").splitlines()[0])
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._writer.close()

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
            if length == _LONG:
                (length,) = struct.unpack(">H", await self._reader.readexactly(2))
            payload = await self._reader.readexactly(length)
            if kind == _LAST | _TEXT:
                return payload.decode()
            if kind != _LAST | _PING:
                raise SocketFailed(f"a frame of kind {kind:#x}, {payload[2:].decode()!r}")
            await self._send(_PONG, payload)

    async def _send(self, kind: int, payload: bytes) -> None:
        size = len(payload)
        is_short = size < _LONG
        length = bytes([_LAST | size]) if is_short else struct.pack(">BH", _LAST | _LONG, size)
        self._writer.write(b"".join([bytes([_LAST | kind]), length, _NO_MASK, payload]))
        await self._writer.drain()
