"""`GET /metrics`: what the engine does, for Prometheus."""

import asyncio

from fastapi import APIRouter
from fastapi.responses import PlainTextResponse, Response

from service.api.dependencies import RecognizerDependency, SettingsDependency
from service.engine.recognizer import Recognizer
from service.settings import Settings

router = APIRouter(tags=["service"])


@router.get("/metrics", summary="What does it do?", response_class=PlainTextResponse)
async def metrics(recognizer: RecognizerDependency, settings: SettingsDependency) -> Response:
    """Streams, refusals, delays and audio, and what the process takes, for Prometheus."""
    text, content_type = await asyncio.to_thread(_exposed, recognizer, settings)
    return Response(text, media_type=content_type)


def _exposed(recognizer: Recognizer, settings: Settings) -> tuple[bytes, str]:
    # Here, because every start would take longer for it, and many services are never asked.
    from service.api.exposition import exposed

    return exposed(recognizer, settings)
