"""WebSockets whose application is woken for as much audio as it can do something with.

A microphone sends ten pieces a second and more, a model steps three times a second. To wake a
task for a piece that only has to be kept costs more than all else that is done about the piece.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final, Literal, cast

from starlette.types import Scope
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

SERVICE_RESTART: Final = 1012
"""The code of a disconnect that the service itself brings about; the client still listens."""

_EXTENSION: Final = "longwave.gathering"  # of ASGI's scope
_MAX_KEPT: Final = 1024  # messages, of which many may be empty


class Gathering:
    """Keeps the binary messages of one connection until they are enough together.

    One that is enough by itself is not joined to others. So what is passed on as one message is
    that message, or shorter than twice what was ever wanted.

    Args:
        pass_on: takes a message for the application.
    """

    def __init__(self, pass_on: Callable[[bytes], None]) -> None:
        self._pass_on = pass_on
        self._kept: list[bytes] = []
        self._num_bytes = 0
        self._wanted = 0
        self.kept_at_s = 0.0  # on the monotonic clock, when the last message came that was kept

    def want(self, num_bytes: int) -> None:
        """From now on, so many bytes are enough."""
        self._wanted = num_bytes
        self._check()

    def add(self, message: bytes) -> None:
        """Take a message, and pass on what is enough now."""
        if len(message) >= self._wanted:
            self.flush()
            self._pass_on(message)
        else:
            self._kept.append(message)
            self._num_bytes += len(message)
            self.kept_at_s = time.monotonic()
            self._check()

    def flush(self) -> None:
        """Pass on what is kept, if anything is."""
        if self._kept:
            self._pass_on(self.release())

    def release(self) -> bytes:
        """What is kept, for the caller to pass on."""
        released, self._kept, self._num_bytes = b"".join(self._kept), [], 0
        return released

    def _check(self) -> None:
        if self._num_bytes >= self._wanted or len(self._kept) >= _MAX_KEPT:
            self.flush()


def gathering_of(scope: Scope) -> Gathering | None:
    """What a connection's messages are gathered in; None where another server runs."""
    gathering: Gathering | None = scope.get("extensions", {}).get(_EXTENSION)
    return gathering


class GatheringProtocol(WebSocketsSansIOProtocol):
    """uvicorn's WebSocket protocol with a `Gathering` in the scope of each connection.

    Text is passed on after all that came before it; a client that leaves takes along what is kept.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._gathering = Gathering(partial(self._pass_on, "bytes"))

    async def run_asgi(self) -> None:
        """As uvicorn's."""
        cast(Scope, self.scope)["extensions"][_EXTENSION] = self._gathering
        await super().run_asgi()

    def shutdown(self) -> None:
        """As uvicorn's, but that a session which has begun says goodbye: it has words to tell."""
        if self.close_sent or not self.handshake_complete:
            return super().shutdown()
        self.stop_keepalive()
        self._gathering.flush()
        self.queue.put_nowait({"type": "websocket.disconnect", "code": SERVICE_RESTART})
        return None

    def send_receive_event_to_app(self) -> None:
        """As uvicorn's: `frames` are a message's."""
        message, self.frames = b"".join(self.frames), []
        if self.curr_msg_data_type == "bytes":
            self._gathering.add(message)
        else:
            self._gathering.flush()
            self._pass_on("text", message)

    def _pass_on(self, kind: Literal["text", "bytes"], message: bytes) -> None:
        begun = self.curr_msg_data_type, self.frames  # a message of which more is to come, perhaps
        self.curr_msg_data_type, self.frames = kind, [message]
        super().send_receive_event_to_app()
        self.curr_msg_data_type, self.frames = begun
