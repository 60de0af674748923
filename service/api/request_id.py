"""The outermost layer: an id on every answer, and an end for errors that nobody foresaw."""

import logging
import re
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service.api.error_handlers import error_response

logger = logging.getLogger(__name__)

HEADER = "x-request-id"

_ACCEPTABLE = re.compile(r"[\w.:-]{1,64}", re.ASCII)


class RequestIdMiddleware:
    """Gives every answer the id that the client sent, or a new one, and logs failures under it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            return await self._app(scope, receive, send)
        request_id = _request_id(scope)
        began = False

        async def send_with_id(message: Message) -> None:
            nonlocal began
            if message["type"] in {"http.response.start", "websocket.accept"}:
                began = True
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            logger.exception("request %s failed", request_id)
            if began or scope["type"] != "http":
                raise
            await error_response(error, scope["path"])(scope, receive, send_with_id)


def _request_id(scope: Scope) -> str:
    given = Headers(scope=scope).get(HEADER, "")
    return given if _ACCEPTABLE.fullmatch(given) else uuid4().hex
