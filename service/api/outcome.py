"""How streams end, for their clients and for the log."""

import logging
from collections.abc import Awaitable

from starlette.websockets import WebSocket, WebSocketDisconnect

from service.api.errors import PublicError, explain

logger = logging.getLogger(__name__)


async def outcome(session: Awaitable[None], websocket: WebSocket) -> PublicError | None:
    """What ended the session early, if anything; the log gets what the client must not see.

    Raises:
        WebSocketDisconnect: the client left.
    """
    client = "{}:{}".format(*websocket.client or ("unknown", 0))
    try:
        await session
    except WebSocketDisconnect as departure:
        logger.debug("the client %s left its stream with %d", client, departure.code)
        raise
    except Exception as error:
        public = explain(error)
        if public.is_our_fault:
            logger.exception("the stream of %s failed", client)
        else:
            close_code, reason = public.closing
            logger.info(
                "the stream of %s ends with %d %s: %s", client, close_code, reason, public.message
            )
        return public
    return None
