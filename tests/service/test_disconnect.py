"""A client that goes away stops its work."""

import asyncio

import httpx
from fastapi import FastAPI
from starlette.types import Message

from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, silence
from tests.service.requests import check_alive

LONG = encode_soundfile(silence(18.0), FRAMING.sample_rate)

SCOPE = {
    "type": "http",
    "asgi": {"version": "3.0", "spec_version": "2.4"},
    "http_version": "1.1",
    "method": "POST",
    "scheme": "http",
    "path": "/transcribe",
    "raw_path": b"/transcribe",
    "query_string": b"",
    "root_path": "",
    "headers": [(b"content-type", b"audio/wav")],
}


async def requested(app: FastAPI, *messages: Message) -> None:
    """One request whose client sends `messages` and reads nothing."""
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    for message in messages:
        incoming.put_nowait(message)

    async def send(_: Message) -> None:
        return

    await asyncio.wait_for(app(dict(SCOPE), incoming.get, send), 10.0)


async def test_leaving_while_the_engine_works_stops_it(
    app: FastAPI, http: httpx.AsyncClient, model: FakeAcousticModel
) -> None:
    model.latency_s = 0.2
    await requested(app, {"type": "http.request", "body": LONG}, {"type": "http.disconnect"})
    num_steps = len(model.batch_sizes)
    assert num_steps <= 1
    await asyncio.sleep(0.5)
    assert len(model.batch_sizes) <= num_steps + 1
    model.latency_s = 0.0
    await check_alive(http)


async def test_leaving_while_uploading_frees_the_place(
    app: FastAPI, http: httpx.AsyncClient
) -> None:
    half = {"type": "http.request", "body": LONG[: len(LONG) // 2], "more_body": True}
    for _ in range(6):  # more than there are places
        await requested(app, half, {"type": "http.disconnect"})
    await check_alive(http)
