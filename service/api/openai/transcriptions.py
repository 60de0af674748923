"""`POST /v1/audio/transcriptions`: a file to its text, as OpenAI's API does it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse
from starlette.responses import PlainTextResponse, Response

from service.api.decoded import decoded
from service.api.dependencies import RecognizerDependency, SettingsDependency
from service.api.disconnect import unless_disconnected
from service.api.openai.documentation import TRANSCRIPTION_REQUEST, TRANSCRIPTION_RESPONSES
from service.api.openai.form import TranscriptionForm, parse_form
from service.api.openai.schemas import OpenAITranscription, OpenAIVerboseTranscription
from service.api.openai.streaming import streamed
from service.api.upload import received_upload, require_form
from service.engine.audio import AudioLimits, DecodedAudio
from service.engine.bundle import Bundle
from service.engine.events import ended
from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer, transcribe
from service.engine.subtitles import to_srt, to_vtt
from service.engine.transcript import Segment, Transcript

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
    async with AsyncExitStack() as resources:
        upload = await resources.enter_async_context(
            received_upload(request, settings.max_upload_bytes)
        )
        form = parse_form(upload.fields)
        form.check(bundle)
        limits = AudioLimits(settings.max_duration_s)
        waveforms = await resources.enter_async_context(
            decoded(upload.file, bundle.framing.sample_rate, limits)
        )
        options = form.recognition(bundle)
        if form.stream:
            segments = _segments(recognizer, waveforms, options, resources.pop_all())
            return await streamed(request, segments, with_logprobs=bool(form.include))
        work = transcribe(recognizer, waveforms, options)
        transcript = await unless_disconnected(request, work)
    # In a thread: the text of hours of speech takes its time.
    return await asyncio.to_thread(_answer, transcript, form, bundle)


async def _segments(
    recognizer: Recognizer,
    waveforms: DecodedAudio,
    options: RecognitionOptions,
    resources: AsyncExitStack,
) -> AsyncGenerator[list[Segment], None]:
    """Utterances as they end: after every block of audio those that it ended, perhaps none."""
    async with resources:
        with recognizer.stream(options, Priority.BULK) as stream:
            while (waveform := await asyncio.to_thread(next, waveforms, None)) is not None:
                yield ended(await stream.accept(waveform))
            yield ended(await stream.finish())


def _answer(transcript: Transcript, form: TranscriptionForm, bundle: Bundle) -> Response:
    match form.response_format:
        case "json":
            body = OpenAITranscription.of(transcript, form).model_dump(exclude_none=True)
            return JSONResponse(body)
        case "verbose_json":
            verbose = OpenAIVerboseTranscription.answering(transcript, form, bundle)
            return JSONResponse(verbose.model_dump())
        case "text":
            return PlainTextResponse(transcript.text + "\n")
        case "srt":
            return PlainTextResponse(to_srt(transcript))
        case "vtt":
            return PlainTextResponse(to_vtt(transcript), media_type="text/vtt")
