"""Clients that stop sending, or send a byte now and then."""

import asyncio
import itertools
import json
from collections.abc import AsyncGenerator, AsyncIterator, Iterable
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.api.errors import ClientIdle
from service.api.pace import MIN_BYTES_PER_S, paced
from service.app import server_config
from service.settings import Settings
from tests.service.live_server import LiveServer, live
from tests.service.requests import check_alive, wav

LIMIT_S = 0.3


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"stream_idle_timeout_s": LIMIT_S, "max_upload_mb": 3})


async def body_of(pieces: Iterable[tuple[float, bytes]]) -> AsyncGenerator[bytes, None]:
    """Pieces, each after so many seconds; an empty one at the end, as Starlette's bodies have."""
    for delay_s, piece in pieces:
        await asyncio.sleep(delay_s)
        yield piece
    yield b""


async def test_a_client_that_keeps_its_pace_may_take_longer_than_the_limit() -> None:
    pieces = [(0.05, bytes(MIN_BYTES_PER_S // 5))] * 10
    received = [piece async for piece in paced(body_of(pieces), LIMIT_S)]
    assert received == [piece for _, piece in pieces]


@pytest.mark.parametrize(
    "pieces",
    [[(0.0, bytes(10**6)), (10.0, b"late")], itertools.repeat((LIMIT_S / 5, b"."))],
    ids=["stops after much", "a byte now and then"],
)
async def test_one_that_does_not_is_ended_at_the_limit(
    pieces: Iterable[tuple[float, bytes]],
) -> None:
    clock = asyncio.get_running_loop().time
    began_s = clock()
    with pytest.raises(ClientIdle, match=r"For 0\.3 s nothing .* 500 bytes a second"):
        async for _ in paced(body_of(pieces), LIMIT_S):
            pass
    assert LIMIT_S * 0.9 < clock() - began_s < LIMIT_S * 5


async def test_what_the_service_takes_itself_is_not_counted() -> None:
    received = b""
    async for piece in paced(body_of([(0.0, b"a"), (0.0, b"b")]), 0.05):
        await asyncio.sleep(0.1)
        received += piece
    assert received == b"ab"


FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
HALF = bytes(3 * 1024 * 1024 // 2)  # too much to keep in memory


@pytest.fixture
async def server(app: FastAPI, settings: Settings) -> AsyncIterator[LiveServer]:
    async with live(server_config(settings, app)) as server:
        yield server


async def answer_to(server: LiveServer, path: str, headers: bytes, body: bytes) -> Any:
    """The answer to a request whose client sends no more than this and waits for the end."""
    reader, writer = await asyncio.open_connection(*server.address.split(":"))
    writer.write(b"POST " + path.encode() + b" HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n" + body)
    answer = await asyncio.wait_for(reader.read(), 10.0)  # up to the end of the connection
    writer.close()
    head, _, content = answer.removeprefix(b"HTTP/1.1 100 Continue\r\n\r\n").partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 408 ")
    assert b"connection: close" in head.lower()
    return json.loads(content)


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (b"Content-Length: 2000000\r\n", HALF),
        (b"Content-Length: 2000000\r\nExpect: 100-continue\r\n", b""),
        (b"Transfer-Encoding: chunked\r\n", b"180000\r\n" + HALF + b"\r\n5\r\nab"),
        (
            b"Content-Length: 2000000\r\nContent-Type: multipart/form-data; boundary=x\r\n",
            FORM + HALF,
        ),
    ],
    ids=["length", "100-continue", "chunked", "form"],
)
async def test_an_upload_that_stops_is_told_and_let_go(
    server: LiveServer,
    spools: list[SpooledTemporaryFile[bytes]],
    headers: bytes,
    body: bytes,
) -> None:
    error = (await answer_to(server, "/transcribe", headers, body))["error"]
    assert error["code"] == "idle_timeout"
    assert [spool.closed for spool in spools] == [True]
    async with httpx.AsyncClient(base_url=f"http://{server.address}", trust_env=False) as http:
        await check_alive(http)


async def test_it_is_told_in_openais_shape(server: LiveServer) -> None:
    headers = b"Content-Length: 2000000\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    body = FORM + wav("hello")
    error = (await answer_to(server, "/v1/audio/transcriptions", headers, body))["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["type"]) == ("idle_timeout", "invalid_request_error")
