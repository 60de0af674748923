"""`POST /transcribe`: a file to its text."""

from fastapi import APIRouter, Request

from service.api.decoded import decoded
from service.api.dependencies import RecognizerDependency, SettingsDependency
from service.api.disconnect import unless_disconnected
from service.api.documentation import TRANSCRIBE_REQUEST, error_responses
from service.api.options import parse_options
from service.api.schemas import TranscriptionResponse
from service.api.upload import received_upload
from service.engine.audio import AudioLimits
from service.engine.recognizer import transcribe

router = APIRouter(tags=["files"])


@router.post(
    "/transcribe",
    summary="Transcribe a file",
    responses=error_responses(400, 413, 422, 429, 500, 503),
    openapi_extra=TRANSCRIBE_REQUEST,
)
async def transcribe_file(
    request: Request, recognizer: RecognizerDependency, settings: SettingsDependency
) -> TranscriptionResponse:
    """Send the audio as the form field `file`, or as the body itself.

    Any container and codec is read: wav, flac, mp3, ogg, m4a, webm and others, mono or mixed down.
    Options go into the query or, with a form, into its fields.
    """
    parse_options(request.query_params.multi_items())  # refused before the body is read
    async with received_upload(request, settings.max_upload_bytes) as upload:
        options = parse_options([*request.query_params.multi_items(), *upload.fields])
        bundle = recognizer.bundle
        limits = AudioLimits(settings.max_duration_s)
        async with decoded(upload.file, bundle.framing.sample_rate, limits) as waveforms:
            work = transcribe(recognizer, waveforms, options.recognition(bundle.decoding))
            transcript = await unless_disconnected(request, work)
    return TranscriptionResponse.of(transcript, bundle)
