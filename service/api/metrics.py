"""`GET /metrics`: what the engine does, for Prometheus."""

import asyncio

from fastapi import APIRouter, Request
from fastapi.responses import PlainTextResponse, Response

from service.api.dependencies import recognizer_of, settings_of, uploads_of
from service.api.upload import Uploads
from service.engine.recognizer import Recognizer
from service.settings import Settings

router = APIRouter(tags=["service"])


@router.get("/metrics", summary="What does it do?", response_class=PlainTextResponse)
async def metrics(request: Request) -> Response:
    """Streams, uploads, refusals, delays and audio, and what the process takes, for Prometheus."""
    observed = recognizer_of(request), uploads_of(request), settings_of(request)
    text, content_type = await asyncio.to_thread(_exposed, *observed)
    return Response(text, media_type=content_type)


def _exposed(recognizer: Recognizer, uploads: Uploads, settings: Settings) -> tuple[bytes, str]:
    # Here, because every start would take longer for it, and many services are never asked.
    from service.api.exposition import exposed

    return exposed(recognizer, uploads, settings)
