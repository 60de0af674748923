"""HTTP connections that wait for a request within bounds of time and size.

uvicorn stops its clock at the first byte that comes, whatever it belongs to, and keeps a head of
any length. A byte now and then would hold a connection for ever, and a head without end all memory.
"""

from asyncio import Transport
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

MAX_HEAD_BYTES: Final = 64 * 1024  # of a request, or of what follows its body


class BoundedHttpProtocol(HttpToolsProtocol):
    """uvicorn's HTTP protocol; but within `timeout_keep_alive` a request has to be there.

    The time runs from the connection's start, or from the last answer, to the end of a request's
    head. If that answer came early, the rest of the body has to come in that time as well.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._num_head_bytes = 0  # since the last piece of a body, or the last that ended

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override] # as uvicorn
        """As uvicorn's."""
        super().connection_made(transport)
        self._await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        """As uvicorn's."""
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As uvicorn's; the parser calls those below."""
        self._num_head_bytes += len(data)
        super().data_received(data)
        if self._num_head_bytes > MAX_HEAD_BYTES and not self.transport.is_closing():
            self.send_400_response(f"The head is larger than {MAX_HEAD_BYTES} bytes.")

    def on_headers_complete(self) -> None:
        """As uvicorn's."""
        self._num_head_bytes = 0
        self._timer.cancel()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """As uvicorn's."""
        self._num_head_bytes = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """As uvicorn's."""
        self._num_head_bytes = 0
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """As uvicorn's; the next request may have come already."""
        super().on_response_complete()
        if self.cycle.response_complete:
            self._await_request()

    def _await_request(self) -> None:
        self._timer = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)
