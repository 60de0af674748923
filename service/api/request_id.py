"""The outermost layer: an id on every answer, and an end for what nobody else has answered."""

import asyncio
import logging
import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.error_handlers import error_response
from service.api.errors import explain
from service.engine.errors import StreamClosed

logger = logging.getLogger(__name__)

HEADER = "x-request-id"

_STARTS = {"http.response.start", "websocket.accept", "websocket.http.response.start"}
_ACCEPTABLE = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class RequestIdMiddleware:
    """Gives every answer the id that the client sent, or a new one, and logs failures under it.

    What the server cancels, because it stops and has waited long enough, ends as `unavailable`.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self._app(scope, receive, send)
        request_id = _request_id(scope)
        latest = ""  # type of what was sent

        async def send_with_id(message: Message) -> None:
            nonlocal latest
            latest = message["type"]
            if latest in _STARTS:
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except asyncio.CancelledError:
            await _take_leave(latest, scope, receive, send_with_id)
        except Exception as error:
            logger.exception("request %s failed", request_id)
            if latest or scope["type"] != "http":
                raise
            await error_response(error, scope["path"])(scope, receive, send_with_id)


async def _take_leave(latest: str, scope: Scope, receive: Receive, send: Send) -> None:
    """Tell a client that its request ends here, as far as `latest`, what it was sent, allows."""
    stopping = StreamClosed("the service stops")
    if scope["type"] == "http" and not latest:
        await error_response(stopping, scope["path"])(scope, receive, send)
    elif latest in {"websocket.accept", "websocket.send"}:
        code, reason = explain(stopping).closing
        await send({"type": "websocket.close", "code": code, "reason": reason})


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ACCEPTABLE.fullmatch(given) else uuid4().hex
