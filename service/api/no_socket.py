"""WebSockets that are opened where there is none."""

from http import HTTPStatus

from fastapi import APIRouter, HTTPException, WebSocket

router = APIRouter()


@router.websocket("/{path:path}")
async def no_socket(_: WebSocket) -> None:
    """Not found; unless somebody says so, the server says that it is forbidden."""
    raise HTTPException(HTTPStatus.NOT_FOUND, "Live audio goes to /stream, or Vosk's to /vosk")
