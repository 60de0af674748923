"""`POST /v1/audio/transcriptions`: a file to its text, as OpenAI's API does it."""

import asyncio
from contextlib import AsyncExitStack, aclosing

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import PlainTextResponse, Response

from service.api.decoded import released
from service.api.dependencies import RecognizerDependency, SettingsDependency, uploads_of
from service.api.disconnect import unless_disconnected
from service.api.event_stream import EventStream
from service.api.openai.documentation import TRANSCRIPTION_REQUEST, TRANSCRIPTION_RESPONSES
from service.api.openai.form import TranscriptionForm, parse_form
from service.api.openai.schemas import OpenAITranscription, OpenAIVerboseTranscription
from service.api.openai.streaming import error_event, first_part, text_events
from service.api.upload import require_form
from service.engine.audio import AudioLimits, decode_audio
from service.engine.bundle import Bundle
from service.engine.subtitles import to_srt, to_vtt
from service.engine.transcript import Transcript, to_text
from service.engine.transcription import transcribe, transcribe_in_parts

router = APIRouter(prefix="/v1", tags=["OpenAI"])


@router.post(
    "/audio/transcriptions",
    summary="Transcribe a file as OpenAI's API does",
    response_model=None,
    responses=TRANSCRIPTION_RESPONSES,
    openapi_extra=TRANSCRIPTION_REQUEST,
)
async def create_transcription(
    request: Request, recognizer: RecognizerDependency, settings: SettingsDependency
) -> Response:
    """What OpenAI's own clients send, and what they expect. Fields that are not here are ignored.

    Any container and codec is read, as by `/transcribe`. An `Authorization` header is ignored.
    """
    require_form(request)
    bundle = recognizer.bundle
    async with AsyncExitStack() as held:
        upload = await held.enter_async_context(uploads_of(request).received(request))
        form = parse_form(upload.fields)
        form.check(bundle)
        limits = AudioLimits(settings.max_duration_s)
        audio = await held.enter_async_context(
            released(decode_audio(upload.file, bundle.framing.sample_rate, limits))
        )
        options = form.recognition(bundle)
        if form.stream:
            parts = transcribe_in_parts(recognizer, audio, options)
            await held.enter_async_context(aclosing(parts))
            first = await unless_disconnected(request, first_part(parts))
            events = text_events(first, parts, with_logprobs=bool(form.include))
            return EventStream(events, error_event, held.pop_all(), settings.stream_idle_timeout_s)
        transcript = await unless_disconnected(request, transcribe(recognizer, audio, options))
    # In a thread: the text of hours of speech takes its time.
    return await asyncio.to_thread(_answer, transcript, form, bundle)


def _answer(transcript: Transcript, form: TranscriptionForm, bundle: Bundle) -> Response:
    match form.response_format:
        case "json":
            body = OpenAITranscription.of(transcript, form).model_dump(exclude_none=True)
            return JSONResponse(body)
        case "verbose_json":
            verbose = OpenAIVerboseTranscription.answering(transcript, form, bundle)
            return JSONResponse(verbose.model_dump())
        case "text":
            return PlainTextResponse(to_text(transcript))
        case "srt":
            return PlainTextResponse(to_srt(transcript))
        case "vtt":
            return PlainTextResponse(to_vtt(transcript), media_type="text/vtt")
