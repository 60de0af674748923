"""What takes too long when the service stops is told so, in the shape that its client expects."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile
from typing import Any, NamedTuple

import httpx
import numpy as np
import pytest
import websockets
from fastapi import FastAPI

from service.app import server_config
from service.settings import Settings
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, silence, speak
from tests.service.live_server import LiveServer, live
from tests.service.traces import until
from tests.service.websocket_driver import START, pcm16

LONG = encode_soundfile(np.concatenate([speak("hello"), silence(18.0)]), FRAMING.sample_rate)
MESSAGE = "The service is shutting down or restarting."
UNAVAILABLE = {"error": {"code": "unavailable", "message": MESSAGE}}
OPENAIS = {"error": UNAVAILABLE["error"] | {"type": "server_error", "param": None}}


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"shutdown_timeout_s": 0})


@pytest.fixture
async def server(
    app: FastAPI, settings: Settings, caplog: pytest.LogCaptureFixture
) -> AsyncIterator[LiveServer]:
    """A service that stops; the log then has one line about it."""
    async with live(server_config(settings, app)) as server:
        yield server
    records = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    [error] = [record for record in records if record.levelno > logging.INFO]
    assert error.getMessage().startswith("Cancel 1 running task(s)")
    assert error.exc_info is None


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False) as client:
        yield client


class Asked(NamedTuple):
    """A request, and the JSON that tells that it cannot be done."""

    path: str
    parts: dict[str, Any]
    unavailable: dict[str, Any]


FORM = {"model": "fake", "stream": "false"}
FILES = {"file": ("x", LONG)}
OPENAIS_PATH = "/v1/audio/transcriptions"


@pytest.mark.parametrize(
    "asked",
    [
        Asked("/transcribe", {"content": LONG}, UNAVAILABLE),
        Asked(OPENAIS_PATH, {"files": FILES, "data": FORM}, OPENAIS),
    ],
)
async def test_a_file(
    http: httpx.AsyncClient, server: LiveServer, model: FakeAcousticModel, asked: Asked
) -> None:
    model.latency_s = 0.5
    request = asyncio.create_task(http.post(asked.path, **asked.parts))
    await until(lambda: bool(model.batch_sizes))
    server.should_exit = True
    response = await request
    assert (response.status_code, response.json()) == (503, asked.unavailable)
    assert response.headers["retry-after"] == "5"
    assert "x-request-id" in response.headers


@pytest.mark.parametrize(
    "asked",
    [
        Asked("/transcribe?stream=true", {"content": LONG}, UNAVAILABLE),
        Asked(OPENAIS_PATH, {"files": FILES, "data": FORM | {"stream": "true"}}, OPENAIS),
    ],
)
async def test_a_file_whose_events_have_begun(
    http: httpx.AsyncClient, server: LiveServer, model: FakeAcousticModel, asked: Asked
) -> None:
    model.latency_s = 0.5
    async with http.stream("POST", asked.path, **asked.parts) as response:
        assert response.status_code == 200
        server.should_exit = True
        text = "".join([piece async for piece in response.aiter_text()])  # to its proper end
    *_, last, rest = text.split("\n\n")
    name, _, told = last.partition("data: ")
    assert (json.loads(told), rest) == (asked.unavailable, "")
    assert name == ("" if asked.path == OPENAIS_PATH else "event: error\n")


async def test_an_upload(server: LiveServer, spools: list[SpooledTemporaryFile[bytes]]) -> None:
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(b"POST /transcribe HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\n\r\na")
    await until(lambda: bool(spools))
    server.should_exit = True
    head, _, body = (await asyncio.wait_for(reader.read(), 10.0)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 503 ")
    assert json.loads(body) == UNAVAILABLE
    assert [spool.closed for spool in spools] == [True]
    writer.close()


async def test_a_stream_whose_last_words_take_too_long(
    server: LiveServer, model: FakeAcousticModel
) -> None:
    model.latency_s = 1.0
    uri = f"ws://{server.address}/stream"
    async with websockets.connect(uri, proxy=None) as websocket:
        await websocket.send(json.dumps(START))
        await websocket.send(pcm16(speak("hello")))
        await until(lambda: bool(model.batch_sizes))
        server.should_exit = True
        await asyncio.wait_for(websocket.wait_closed(), 10.0)
    assert (websocket.close_code, websocket.close_reason) == (1012, "unavailable")
