"""`POST /transcribe`: a file to its text."""

from contextlib import AsyncExitStack

from fastapi import APIRouter, Request, Response

from service.api.dependencies import recognizer_of, remote_files_of, settings_of, uploads_of
from service.api.disconnect import unless_disconnected
from service.api.documentation import TRANSCRIBE_REQUEST, transcribe_responses
from service.api.event_stream import EventStream, begun, error_event
from service.api.file_job import received_job
from service.api.formats import MEDIA_TYPES

router = APIRouter(tags=["files"])


@router.post(
    "/transcribe",
    summary="Transcribe a file",
    response_class=Response,
    responses=transcribe_responses(),
    openapi_extra=TRANSCRIBE_REQUEST,
)
async def transcribe_file(request: Request) -> Response:
    """Send the audio as the form field `file`, or as the body itself.

    Any container and codec is read: wav, flac, mp3, ogg, m4a, webm and others, mono or mixed down.
    Options go into the query or, with a form, into its fields.
    """
    async with AsyncExitStack() as held:
        recognizer, settings = recognizer_of(request), settings_of(request)
        uploads, remote_files = uploads_of(request), remote_files_of(request)
        receiving = received_job(request, recognizer, settings, uploads, remote_files)
        job = await held.enter_async_context(receiving)
        if job.options.wants_events(request.headers.get("accept", "")):
            events = await unless_disconnected(request, begun(job))
            return EventStream(events, error_event, held.pop_all(), settings.stream_idle_timeout_s)
        body = await unless_disconnected(request, job.body())
    return Response(body, media_type=MEDIA_TYPES[job.options.response_format])
