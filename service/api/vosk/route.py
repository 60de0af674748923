"""The WebSocket `/vosk`, and the port where Vosk's clients look for it."""

import asyncio
import logging
from contextlib import closing, suppress

from fastapi import APIRouter
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from service.api.dependencies import RecognizerDependency, SettingsDependency
from service.api.errors import PublicError, explain
from service.api.socket_io import Inbox
from service.api.vosk.conversation import Conversation
from service.api.vosk.messages import Command, VoskConfig, parse_message
from service.engine.audio import AudioLimits
from service.settings import Settings

logger = logging.getLogger(__name__)
router = APIRouter()

VOSK_PATH = "/vosk"

_MAX_REASON_BYTES = 123  # of a close, RFC 6455 section 5.5


@router.websocket(VOSK_PATH)
async def vosk(
    websocket: WebSocket, recognizer: RecognizerDependency, settings: SettingsDependency
) -> None:
    """One client from its first message to its last. The protocol has no errors but the close."""
    await websocket.accept()
    with suppress(WebSocketDisconnect, TimeoutError):  # nobody is left to tell
        limits = AudioLimits(settings.max_duration_s)
        with Conversation(recognizer, limits) as conversation:
            error = await _outcome(websocket, conversation, settings)
        code, reason = (error.meaning.close_code, error.message) if error else (1000, "")
        await websocket.close(code, _shortened(reason))


async def _outcome(
    websocket: WebSocket, conversation: Conversation, settings: Settings
) -> PublicError | None:
    """What ended the conversation early, if anything."""
    idle_timeout_s = settings.stream_idle_timeout_s
    try:
        with closing(Inbox(websocket, settings.max_message_bytes, idle_timeout_s)) as inbox:
            await _converse(websocket, inbox, conversation, settings)
    except (WebSocketDisconnect, TimeoutError):
        raise
    except Exception as error:
        public = explain(error)
        if public.is_our_fault:
            logger.exception("a conversation in Vosk's protocol failed")
        return public
    return None


async def _converse(
    websocket: WebSocket, inbox: Inbox, conversation: Conversation, settings: Settings
) -> None:
    """Answer the client's messages until it says that there are no more."""
    config = VoskConfig(sample_rate=settings.vosk_sample_rate)
    is_over = False
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
        # A client that does not read is gone.
        async with asyncio.timeout(settings.stream_idle_timeout_s):
            await websocket.send_text(reply)


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
