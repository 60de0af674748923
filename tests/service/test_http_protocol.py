"""Connections on which no request comes, or none that ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress

import httpx
import pytest
import websockets
from fastapi import FastAPI

from service.api.http_protocol import MAX_HEAD_BYTES
from service.app import server_config
from service.settings import Settings
from tests.fakes import FakeAcousticModel
from tests.service.live_server import LiveServer, live
from tests.service.requests import check_alive, wav

GET = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
REFUSED = b"POST /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n"


@pytest.fixture
async def server(app: FastAPI, settings: Settings) -> AsyncIterator[LiveServer]:
    config = server_config(settings, app)
    config.timeout_keep_alive = 1
    async with live(config) as server:
        yield server


async def trickle(server: LiveServer, begun: bytes, byte: bytes) -> tuple[bytes, float]:
    """What comes for `begun` and a byte now and then, and the seconds until the connection ends."""
    clock = asyncio.get_running_loop().time
    began_s = clock()
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(begun)
    answer = asyncio.create_task(all_of(reader))
    async with asyncio.timeout(10.0):
        while not answer.done():
            writer.write(byte)
            await asyncio.wait({answer}, timeout=0.1)
    writer.close()
    return await answer, clock() - began_s


async def all_of(reader: asyncio.StreamReader) -> bytes:
    """What comes until the connection ends, which a byte that was on its way may break."""
    received = b""
    with suppress(ConnectionError):
        while piece := await reader.read(1000):
            received += piece
    return received


async def test_a_connection_without_a_whole_request_ends_in_time(server: LiveServer) -> None:
    told = await asyncio.gather(
        trickle(server, b"", b""),
        trickle(server, b"GET /healthz HTTP/1.1\r\nX: ", b"."),
        trickle(server, GET, b""),
        trickle(server, GET, b"\n"),
        trickle(server, REFUSED, b"."),
    )
    statuses = [answer.partition(b"\r\n")[0][9:12] for answer, _ in told]
    assert statuses[0] == b""
    assert statuses[2:] == [b"200", b"200", b"405"]
    assert all(0.9 < duration_s < 5.0 for _, duration_s in told)


async def test_requests_may_follow_each_other_for_longer(server: LiveServer) -> None:
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    for _ in range(4):
        writer.write(GET)
        head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10.0)
        assert head.startswith(b"HTTP/1.1 200 ")
        await reader.readexactly(len(b'{"status":"alive"}'))
        await asyncio.sleep(0.4)
    writer.close()


async def test_a_request_may_take_longer_and_the_next_one_wait(
    server: LiveServer, model: FakeAcousticModel
) -> None:
    model.latency_s = 1.2
    file = wav("a")
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(b"POST /transcribe HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(file))
    writer.write(file + GET)  # the second before the first has its answer
    answers = await asyncio.wait_for(reader.read(), 10.0)
    assert answers.count(b"HTTP/1.1 200 OK") == 2
    writer.close()


async def test_a_websocket_may_last_longer(server: LiveServer) -> None:
    async with websockets.connect(f"ws://{server.address}/stream", proxy=None) as websocket:
        await asyncio.sleep(1.3)
        await asyncio.wait_for(await websocket.ping(), 10.0)


@pytest.mark.parametrize(
    "begun",
    [
        b"GET /healthz HTTP/1.1\r\nX: ",
        b"GET /",
        b"POST /transcribe HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX: ",
    ],
    ids=["header", "target", "trailer"],
)
async def test_a_head_without_an_end_is_refused(server: LiveServer, begun: bytes) -> None:
    answer, _ = await trickle(server, begun, b"a" * (MAX_HEAD_BYTES // 4))
    assert answer.startswith(b"HTTP/1.1 400 ")
    async with httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False) as http:
        await check_alive(http)


async def test_a_long_head_is_fine(server: LiveServer) -> None:
    async with httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False) as http:
        response = await http.get("/healthz", headers={"x-long": "a" * (MAX_HEAD_BYTES // 2)})
        assert response.status_code == 200
        await check_alive(http)
