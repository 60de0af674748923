"""What of uvicorn is built upon without being promised: another version has to have it, too."""

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.loops.auto import auto_loop_factory
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol


async def nothing(_scope: Scope, _receive: Receive, _send: Send) -> None:
    """An application that is never called."""


def test_the_websocket_protocol_has_what_is_overridden() -> None:
    config = uvicorn.Config(nothing, lifespan="off", log_config=None)
    loop = auto_loop_factory()()
    try:
        state = uvicorn.Server(config).server_state
        protocol = WebSocketsSansIOProtocol(config, state, {}, loop)
    finally:
        loop.close()
    assert protocol.frames == []
    assert protocol.curr_msg_data_type in ("text", "bytes")
    for overridden in ("run_asgi", "send_receive_event_to_app"):
        assert overridden in vars(WebSocketsSansIOProtocol)


@pytest.mark.parametrize(
    "name",
    [
        "on_headers_complete",
        "on_body",
        "on_message_complete",
        "on_response_complete",
        "timeout_keep_alive_handler",
        "send_400_response",
    ],
)
def test_the_http_protocol_has_what_is_overridden_or_called(name: str) -> None:
    assert name in vars(HttpToolsProtocol)
