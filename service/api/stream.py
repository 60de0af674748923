"""`WS /stream`: live audio to text while it arrives."""

from contextlib import closing, suppress

from fastapi import APIRouter
from starlette.websockets import WebSocket, WebSocketDisconnect

from service.api.dependencies import recognizer_of, settings_of
from service.api.outcome import outcome
from service.api.socket_io import Inbox, Outbox
from service.api.stream_messages import ErrorEvent
from service.api.stream_session import hold_session
from service.engine.audio import AudioLimits

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
                session = hold_session(inbox, outbox, recognizer, limits)
                error = await outcome(session, websocket)
            if error:
                await outbox.put(ErrorEvent.of(error))
            await outbox.flush()
            await websocket.close(*(error.closing if error else (1000, "done")))
