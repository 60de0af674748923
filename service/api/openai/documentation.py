"""What OpenAPI cannot see in the handler's types: the form, and the answers that are not JSON."""

from typing import Any

from service.api.openai.form import TranscriptionForm
from service.api.openai.schemas import OpenAITranscription, OpenAIVerboseTranscription
from service.api.upload import FILE_FIELD

_FIELDS: dict[str, Any] = TranscriptionForm.model_json_schema()["properties"]
_FILE = {"type": "string", "format": "binary", "description": "the audio"}

TRANSCRIPTION_REQUEST: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FILE_FIELD, "model"],
                    "properties": {FILE_FIELD: _FILE, **_FIELDS},
                },
                "example": {FILE_FIELD: "speech.wav", "model": "whisper-1"},
            },
        },
    },
}

_ERROR = {
    "type": "object",
    "properties": {
        "error": {
            "type": "object",
            "properties": {
                "message": {"type": "string"},
                "type": {"type": "string"},
                "param": {"type": ["string", "null"]},
                "code": {"type": "string"},
            },
            "required": ["message", "type", "param", "code"],
        },
    },
    "required": ["error"],
}
_ERRORS = {
    400: "a field or the audio is wrong",
    404: "`model_not_found`",
    408: "`idle_timeout`: the form stopped arriving",
    413: "the file is too large or too long",
    415: "`body_compressed`",
    429: "`rate_limit_exceeded`; `Retry-After` says when to come again",
    500: "`internal_error`",
    503: "`unavailable`; `Retry-After` says when to come again",
}


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for errors of OpenAI's shape."""
    body = {"application/json": {"schema": _ERROR}}
    return {status: {"description": _ERRORS[status], "content": body} for status in statuses}


TRANSCRIPTION_RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "model": OpenAITranscription | OpenAIVerboseTranscription,
        "description": "JSON, or with other values of `response_format` text; with `stream` events",
        "content": {
            "text/plain": {"schema": {"type": "string"}},
            "text/vtt": {"schema": {"type": "string"}},
            "text/event-stream": {"schema": {"type": "string"}},
        },
    },
    **error_responses(*_ERRORS),
}
