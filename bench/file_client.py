"""Files over HTTP, as lean as can be: the client's work must not be what is measured."""

import asyncio
from dataclasses import dataclass
from types import TracebackType

_OK = 200


class BadAnswer(Exception):
    """The server answered a file with anything but its text."""


@dataclass
class FileClient:
    """One keep-alive connection to a server on this machine."""

    port: int
    path: str
    _reader: asyncio.StreamReader | None = None
    _writer: asyncio.StreamWriter | None = None

    async def __aenter__(self) -> "FileClient":
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self.port)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    async def post(self, body: bytes) -> bytes:
        """Send a file; the body of the answer.

        Raises:
            BadAnswer: the status is not 200.
            OSError, EOFError: the connection broke.
        """
        assert self._reader is not None
        assert self._writer is not None
        head = ["Host: 127.0.0.1", f"Content-Length: {len(body)}"]
        if body.startswith(b"{"):
            head.append("Content-Type: application/json")
        self._writer.write("\r\n".join([f"POST {self.path} HTTP/1.1", *head, "", ""]).encode())
        self._writer.write(body)
        await self._writer.drain()
        status, length = _parse_head(await self._reader.readuntil(b"\r\n\r\n"))
        answer = await self._reader.readexactly(length)
        if status != _OK:
            raise BadAnswer(f"{status} {answer[:200].decode(errors='replace')}")
        return answer


def _parse_head(head: bytes) -> tuple[int, int]:
    """Status and Content-Length of an answer."""
    status_line, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(":", 1) for line in lines if ":" in line)
    return int(status_line.split()[1]), int(fields["content-length"])
