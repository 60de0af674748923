"""The WebSocket `/vosk`, and the port where Vosk's clients look for it."""

import asyncio
from contextlib import closing, suppress

from fastapi import APIRouter
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from service.api.dependencies import RecognizerDependency, SettingsDependency
from service.api.outcome import outcome
from service.api.socket_io import Inbox
from service.api.vosk.conversation import Conversation
from service.api.vosk.messages import Command, VoskConfig, parse_message
from service.engine.audio import AudioLimits
from service.settings import Settings

router = APIRouter()

VOSK_PATH = "/vosk"

_MAX_REASON_BYTES = 123  # of a close, RFC 6455 section 5.5


@router.websocket(VOSK_PATH)
async def vosk(
    websocket: WebSocket, recognizer: RecognizerDependency, settings: SettingsDependency
) -> None:
    """One client from its first message to its last. The protocol has no errors but the close."""
    await websocket.accept()
    with suppress(WebSocketDisconnect):  # nobody is left to tell
        limits = AudioLimits(settings.max_duration_s)
        with Conversation(recognizer, limits) as conversation:
            error = await outcome(_converse(websocket, conversation, settings), websocket)
        code, reason = (error.meaning.close_code, error.message) if error else (1000, "")
        await websocket.close(code, _shortened(reason))


async def _converse(websocket: WebSocket, conversation: Conversation, settings: Settings) -> None:
    """Answer the client's messages until it says that there are no more."""
    idle_timeout_s = settings.stream_idle_timeout_s
    config = VoskConfig(sample_rate=settings.vosk_sample_rate)
    is_over = False
    with closing(Inbox(websocket, settings.max_message_bytes, idle_timeout_s)) as inbox:
        while not is_over:
            message = await inbox.receive()
            if isinstance(message, bytes):
                reply = await conversation.hear(message, config)
            else:
                command = parse_message(message, config)
                if isinstance(command, VoskConfig):
                    config = command
                    continue
                is_over = command is Command.EOF
                reply = await conversation.result(config, is_last=is_over)
            await _send(websocket, reply, idle_timeout_s)


async def _send(websocket: WebSocket, reply: str, timeout_s: float) -> None:
    try:
        async with asyncio.timeout(timeout_s):
            await websocket.send_text(reply)
    except TimeoutError:
        raise WebSocketDisconnect(1006) from None  # a client that does not read is gone


def _shortened(reason: str) -> str:
    return reason.encode()[:_MAX_REASON_BYTES].decode(errors="ignore")


class VoskPort:
    """Leads every WebSocket that arrives at `port` to `/vosk`: Vosk's server ignores paths."""

    def __init__(self, app: ASGIApp, port: int) -> None:
        self._app = app
        self._port = port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket" and _arrival_port(scope) == self._port:
            scope = {**scope, "path": VOSK_PATH, "raw_path": VOSK_PATH.encode()}
        await self._app(scope, receive, send)


def _arrival_port(scope: Scope) -> int | None:
    _, port = scope.get("server") or (None, None)
    return port
