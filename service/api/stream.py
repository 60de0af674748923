"""`WS /stream`: live audio to text while it arrives."""

import logging
from collections.abc import Awaitable
from contextlib import closing, suppress

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from service.api.dependencies import recognizer_of, settings_of
from service.api.errors import PublicError, explain
from service.api.socket_io import Inbox, Outbox
from service.api.stream_messages import ErrorEvent
from service.api.stream_session import hold_session
from service.engine.audio import AudioLimits

logger = logging.getLogger(__name__)
router = APIRouter()


@router.websocket("/stream")
async def stream(websocket: WebSocket) -> None:
    """One client from its start to its end; the protocol is at the head of `/docs`."""
    recognizer, settings = recognizer_of(websocket), settings_of(websocket)
    await websocket.accept()
    idle_timeout_s = settings.stream_idle_timeout_s
    limits = AudioLimits(settings.max_duration_s)
    with suppress(WebSocketDisconnect):  # nobody is left to tell
        async with Outbox(websocket.send_text, idle_timeout_s) as outbox:
            with closing(Inbox(websocket, settings.max_message_bytes, idle_timeout_s)) as inbox:
                error = await _outcome(hold_session(inbox, outbox, recognizer, limits))
            if error:
                await outbox.put(ErrorEvent.of(error))
            await outbox.flush()
            await websocket.close(*(error.closing if error else (1000, "done")))


async def _outcome(session: Awaitable[None]) -> PublicError | None:
    """What ended the session early, if anything; the log gets what the client must not see."""
    try:
        await session
    except WebSocketDisconnect:
        raise
    except Exception as error:
        public = explain(error)
        if public.is_our_fault:
            logger.exception("a stream failed")
        return public
    return None
