"""What OpenAPI cannot see in the handlers' types: bodies that are streamed, errors, the socket."""

from typing import Any

from service.api.errors import MEANINGS, UNKNOWN, InvalidParameter
from service.api.file_options import FileOptions
from service.api.schemas import ErrorResponse, TranscriptionResponse
from service.api.upload import FILE_FIELD
from service.api.verbose import VerboseTranscription


def _plain(schema: dict[str, Any]) -> dict[str, Any]:
    """An option's schema without what the parameter says itself; leaving it out stands for null."""
    parts = {key: value for key, value in schema.items() if key not in ("description", "anyOf")}
    given = (each for each in schema.get("anyOf", ()) if each != {"type": "null"})
    return {**next(given, {}), **{k: v for k, v in parts.items() if v is not None}}


_OPTIONS: dict[str, Any] = FileOptions.model_json_schema()["properties"]
_FILE = {"type": "string", "format": "binary", "description": "the audio"}
_TEXTS = {
    "text/plain": "hello world\n",
    "application/x-subrip": "1\n00:00:00,320 --> 00:00:01,320\nhello world\n",
    "text/vtt": "WEBVTT\n\n00:00:00.320 --> 00:00:01.320\nhello world\n",
    "text/event-stream": 'event: progress\ndata: {"heard":1.48,"duration":1.48}\n\n'
    'event: done\ndata: {"text":"hello world", ...}\n\n',
}

TRANSCRIBE_REQUEST: dict[str, Any] = {
    "parameters": [
        {
            "in": "query",
            "name": name,
            "schema": _plain(schema),
            "description": schema["description"],
        }
        for name, schema in _OPTIONS.items()
    ],
    "requestBody": {
        "required": False,  # an url may stand for the file
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "properties": {
                        FILE_FIELD: _FILE,
                        **{name: _plain(schema) for name, schema in _OPTIONS.items()},
                    },
                    "additionalProperties": False,
                },
                "example": {FILE_FIELD: "speech.wav", "decoder": "greedy"},
            },
            "audio/*": {"schema": _FILE},
            "application/octet-stream": {"schema": _FILE},
        },
    },
}


def transcribe_responses() -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` of `/transcribe`, in all formats."""
    content = {
        kind: {"schema": {"type": "string"}, "example": text} for kind, text in _TEXTS.items()
    }
    answer = {
        "model": TranscriptionResponse | VerboseTranscription,
        "description": "The text, in the `response_format` that was asked for",
        "content": content,
    }
    return {200: answer, **error_responses(400, 408, 413, 415, 422, 429, 500, 503)}


DESCRIPTION = """
Speech to text for files and live audio.

    curl -F file=@speech.wav 127.0.0.1:8000/transcribe
    curl --data-binary @speech.flac '127.0.0.1:8000/transcribe?response_format=srt'
    curl -F file=@call.wav -F channels=separate -F boost=zanzibar:5 127.0.0.1:8000/transcribe
    curl -N --data-binary @hours.mp3 '127.0.0.1:8000/transcribe?stream=true'

## Live audio: the WebSocket `/stream`

1. Send `{"type": "start", "sample_rate": 16000, "encoding": "pcm_s16le"}`. Further fields are the
   decoding options of `/transcribe` (`decoder`, `beam_width`, `nbest`, `lm_weight`, `word_bonus`,
   `boost`, a list of texts or of `{"phrase": "zanzibar", "weight": 5}`, and `numerals`), when
   utterances end (`silence_s`, `max_utterance_s`), and `interim_results` (false: no partial
   events). Encodings are `pcm_s16le`, `pcm_f32le`, `mulaw` and `alaw`, mono, 8000 to 48000 Hz.
2. Send the audio as binary messages of any size. In between,
   `{"type": "finalize"}` ends the utterance in progress at once, with all audio sent so far, and
   `{"type": "keepalive"}` keeps a stream open that has no audio to send.
3. Send `{"type": "finish"}`, and read until `done`.

| event | fields |
|---|---|
| `ready` | `model`, `sample_rate`, `encoding` |
| `partial` | `text`, `stable` (its prefix that never changes), `start`, and the two below |
| `final` | `text`, `words`, `start`, `end`, `confidence`, `alternatives`, and the two below |
| `finalized` | `duration`: answers each `finalize`, after its final if anything was said |
| `done` | `duration`, `timings` |
| `error` | `code`, `message`; the connection then closes with the code of the table below |

`is_final` says that a text never changes: true in every `final`, false in every `partial`.
`speech_final` says that the speaker has come to an end: true in a `final` after `silence_s` of
silence (less, the longer the utterance) and at the end of the stream; false where the utterance was
cut, by `finalize` or at `max_utterance_s`, so that the next `final` may go on with its sentence.

What was recognised before an error is sent as `final` events before it.

## Programs written for other services

OpenAI's transcription API is below `/v1`. vosk-server's WebSocket is at `/vosk`, and at a port of
its own. COMPATIBILITY.md says what of them is supported.

## Errors

Those below `/v1` have OpenAI's shape, 400 for 422, and `rate_limit_exceeded` for `overloaded`.

"""


def error_responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """OpenAPI's `responses` for the errors that a route can answer with, but below `/v1`."""
    meanings = [m for error, m in MEANINGS.items() if not issubclass(error, InvalidParameter)]
    responses: dict[int | str, dict[str, Any]] = {}
    for status in statuses:
        codes = [m.code for m in (*meanings, UNKNOWN) if m.status == status]
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
