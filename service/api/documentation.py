"""What OpenAPI cannot see in the handlers' types: bodies that are streamed, errors, the socket."""

from typing import Any

from service.api.errors import MEANINGS, UNKNOWN
from service.api.options import DecodingOptions
from service.api.schemas import ErrorResponse
from service.api.upload import FILE_FIELD

_OPTIONS: dict[str, Any] = DecodingOptions.model_json_schema()["properties"]
_FILE = {"type": "string", "format": "binary", "description": "the audio"}

TRANSCRIBE_REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "in": "query",
            "name": name,
            "schema": {key: value for key, value in schema.items() if key != "description"},
            "description": schema["description"],
        }
        for name, schema in _OPTIONS.items()
    ],
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": [FILE_FIELD],
                    "properties": {FILE_FIELD: _FILE, **_OPTIONS},
                    "additionalProperties": False,
                },
                "example": {FILE_FIELD: "speech.wav", "decoder": "greedy"},
            },
            "audio/*": {"schema": _FILE},
            "application/octet-stream": {"schema": _FILE},
        },
    },
}

DESCRIPTION = """
Speech to text for files and live audio.

    curl -F file=@speech.wav 127.0.0.1:8000/transcribe
    curl --data-binary @speech.flac '127.0.0.1:8000/transcribe?decoder=beam'

## Live audio: the WebSocket `/stream`

1. Send `{"type": "start", "sample_rate": 16000, "encoding": "pcm_s16le"}`. Further fields:
   `decoder`, `beam_width`, and `interim_results` (false: no partial events). Encodings are
   `pcm_s16le`, `pcm_f32le`, `mulaw` and `alaw`, mono, 8000 to 48000 Hz.
2. Send the audio as binary messages of any size.
3. Send `{"type": "finish"}`, and read until `done`.

| event | fields |
|---|---|
| `ready` | `model`, `sample_rate`, `encoding` |
| `partial` | `text`, `stable` (its prefix that never changes afterwards), `start` |
| `final` | `text`, `words`, `start`, `end` |
| `done` | `duration`, `timings` |
| `error` | `code`, `message`; the connection then closes with the code of the table below |

What was recognised before an error is sent as `final` events before it.

## Errors

"""


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for the errors that a route can answer with."""
    responses: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        codes = [m.code for m in (*MEANINGS.values(), UNKNOWN) if m.status == status]
        responses[status] = {
            "model": ErrorResponse,
            "description": " or ".join(f"`{code}`" for code in codes),
        }
    return responses


def description() -> str:
    """The text at the head of `/docs`, with the table of errors."""
    rows = [
        f"| `{meaning.code}` | {meaning.status} | {meaning.close_code} |"
        for meaning in (*MEANINGS.values(), UNKNOWN)
    ]
    return DESCRIPTION + "\n".join(["| code | HTTP | WebSocket |", "|---|---|---|", *rows])
