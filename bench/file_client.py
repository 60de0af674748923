"""Files over HTTP, as lean as can be: the client's work must not be what is measured."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

_OK = 200


class BadAnswer(Exception):
    """The server answered a file with anything but its text."""


class FileClient:
    """Posts files to a path over one keep-alive connection: `posting` makes one."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, path: str
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._path = path

    async def post(self, body: bytes) -> bytes:
        """Send a file; the body of the answer.

        Raises:
            BadAnswer: the status is not 200.
            OSError, EOFError: the connection broke.
        """
        head = ["Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        if body.startswith(b"{"):
            head.append("Content-Type: application/json")
        self._writer.write("\r\n".join([f"POST {self._path} HTTP/1.1", *head, "", ""]).encode())
        self._writer.write(body)
        await self._writer.drain()
        status, length = _parse_head(await self._reader.readuntil(b"\r\n\r\n"))
        answer = await self._reader.readexactly(length)
        if status != _OK:
            raise BadAnswer(f"{status} {answer[:200].decode(errors='replace')}")
        return answer


@asynccontextmanager
async def posting(port: int, path: str) -> AsyncIterator[FileClient]:
    """A client of a server on this machine, for the block. Raises OSError: nothing listens."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield FileClient(reader, writer, path)
    finally:
        writer.close()


def _parse_head(head: bytes) -> tuple[int, int]:
    """Status and Content-Length of an answer."""
    status_line, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    return int(status_line.split()[1]), int(fields["content-length"])
