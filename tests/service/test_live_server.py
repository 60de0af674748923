"""The few things that only a real server and real sockets can show."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import pytest
import websockets
from fastapi import FastAPI

from service.app import server_config
from service.settings import Settings
from tests.fakes import FakeAcousticModel, speak
from tests.service.live_server import LiveServer, live
from tests.service.requests import check_alive, error_of, wav
from tests.service.traces import num_descriptors, until
from tests.service.websocket_driver import FINISH, START, pcm16


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """So that an upload within the limit may be too large for memory."""
    return settings.model_copy(update={"max_upload_mb": 2})


@pytest.fixture
async def server(app: FastAPI, settings: Settings) -> AsyncIterator[LiveServer]:
    async with live(server_config(settings, app)) as server:
        yield server


@pytest.fixture
async def http(server: LiveServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False) as client:
        yield client


@pytest.fixture
async def websocket(server: LiveServer) -> AsyncIterator[websockets.ClientConnection]:
    uri = f"ws://{server.address}/stream"
    async with websockets.connect(uri, proxy=None, compression=None) as websocket:
        yield websocket


async def test_a_file_and_a_stream(
    http: httpx.AsyncClient, websocket: websockets.ClientConnection
) -> None:
    await check_alive(http)
    await websocket.send(json.dumps(START))
    await websocket.send(pcm16(speak("hello")))
    await websocket.send(json.dumps(FINISH))
    events = [json.loads(message) async for message in websocket]
    assert [event["type"] for event in (events[0], *events[-2:])] == ["ready", "final", "done"]
    assert (events[-2]["text"], websocket.close_code) == ("hello", 1000)
    assert "x-request-id" in (websocket.response.headers if websocket.response else {})


@pytest.mark.parametrize("path", ["/nowhere", "/stream/", "/transcribe", "/v1/realtime?model=en"])
async def test_a_socket_that_is_not_there_is_not_found(server: LiveServer, path: str) -> None:
    with pytest.raises(websockets.InvalidStatus) as refusal:
        await websockets.connect(f"ws://{server.address}{path}", proxy=None)
    response = refusal.value.response
    assert response.status_code == 404
    assert "x-request-id" in response.headers
    error = json.loads(response.body)["error"]
    assert error["code"] == "not_found"
    assert "Live audio goes to /stream" in error["message"]
    assert ("param" in error) is path.startswith("/v1"), "OpenAI's shape below /v1"


async def test_a_message_over_the_limit_is_explained(
    http: httpx.AsyncClient, websocket: websockets.ClientConnection
) -> None:
    await websocket.send(bytes(65 * 1024))
    assert json.loads(await websocket.recv())["code"] == "message_too_large"
    await asyncio.wait_for(websocket.wait_closed(), 10.0)
    assert websocket.close_code == 1009
    await check_alive(http)


async def test_a_frame_far_over_the_limit_is_cut_off(
    http: httpx.AsyncClient, websocket: websockets.ClientConnection
) -> None:
    await websocket.send(bytes(1024 * 1024))
    await asyncio.wait_for(websocket.wait_closed(), 10.0)
    assert websocket.close_code == 1009
    await check_alive(http)


async def test_a_connection_that_breaks_frees_its_place(
    http: httpx.AsyncClient, server: LiveServer
) -> None:
    async def is_taken() -> bool:
        uri = f"ws://{server.address}/stream"
        async with websockets.connect(uri, proxy=None) as websocket:
            await websocket.send(json.dumps(START))
            if json.loads(await websocket.recv())["type"] == "error":
                return False
            await websocket.send(pcm16(speak("hello")))
            websocket.transport.abort()
            return True

    for _ in range(6):  # more than there are places
        async with asyncio.timeout(10.0):  # a step that has begun is not broken off
            while not await is_taken():
                pass
    await check_alive(http)


async def test_an_upload_that_breaks_off_leaves_no_trace(
    http: httpx.AsyncClient,
    server: LiveServer,
    spools: list[SpooledTemporaryFile[bytes]],
    caplog: pytest.LogCaptureFixture,
) -> None:
    tasks, num_before = asyncio.all_tasks(), num_descriptors()
    _, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(b"POST /transcribe HTTP/1.1\r\nHost: x\r\nContent-Length: 2000000\r\n\r\n")
    writer.write(bytes(1_900_000))
    # Both ends of the connection, and the file, which is too large for memory.
    await until(lambda: num_descriptors() >= num_before + 3)
    assert asyncio.all_tasks() > tasks
    writer.transport.abort()
    await until(lambda: asyncio.all_tasks() <= tasks and num_descriptors() <= num_before)
    assert [spool.closed for spool in spools] == [True]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
    await check_alive(http)


async def test_an_upload_over_the_limit_gets_its_answer(http: httpx.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        for _ in range(64):
            yield bytes(64 * 1024)

    response = await http.post("/transcribe", content=body())
    assert error_of(response)[:2] == (413, "upload_too_large")
    await check_alive(http)


async def test_stopping_lets_a_file_end(
    http: httpx.AsyncClient, server: LiveServer, model: FakeAcousticModel
) -> None:
    model.latency_s = 0.1
    request = asyncio.create_task(http.post("/transcribe", content=wav("to the end")))
    while not model.batch_sizes:  # noqa: ASYNC110 - the model runs in another thread
        await asyncio.sleep(0.01)
    server.should_exit = True
    assert (await request).json()["text"] == "to the end"


async def test_stopping_tells_a_stream(
    server: LiveServer, websocket: websockets.ClientConnection
) -> None:
    await websocket.send(json.dumps(START))
    await websocket.recv()
    await websocket.send(pcm16(speak("my last words")))
    await websocket.recv()
    await websocket.send(bytes(2))  # which is kept until there is more
    server.should_exit = True
    events: list[dict[str, Any]] = []
    async with asyncio.timeout(10.0):
        with suppress(websockets.ConnectionClosedError):
            while True:
                events.append(json.loads(await websocket.recv()))
    final, error = events[-2:]
    assert (final["type"], final["text"]) == ("final", "my last words")
    assert (error["type"], error["code"]) == ("error", "unavailable")
    assert websocket.close_code == 1012
