"""Requests that the tests make again and again."""

from typing import Any

import httpx

from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, speak


def wav(text: str) -> bytes:
    """A WAV file that says `text`."""
    return encode_soundfile(speak(text), FRAMING.sample_rate)


async def post(http: httpx.AsyncClient, body: bytes, **options: str) -> httpx.Response:
    """`POST /transcribe` with a raw body."""
    return await http.post("/transcribe", content=body, params=options)


def error_of(response: httpx.Response) -> tuple[int, str, str]:
    """Status, code and message of an error, whose shape is checked."""
    body: dict[str, Any] = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"code", "message"}
    return response.status_code, body["error"]["code"], body["error"]["message"]


async def check_alive(http: httpx.AsyncClient) -> None:
    """Whatever came before, the next request is fine."""
    response = await post(http, wav("still here"))
    assert (response.status_code, response.json()["text"]) == (200, "still here")
