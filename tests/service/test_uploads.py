"""Uploads are as many at a time as there are places; they take none from live streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from service.settings import Settings
from tests.fakes import FakeAcousticModel
from tests.service.requests import check_alive, wav
from tests.service.test_disconnect import GONE, SCOPE
from tests.service.traces import until
from tests.service.websocket_driver import FINISH, START, connected

PATHS = pytest.mark.parametrize("path", ["/transcribe", "/v1/audio/transcriptions"])


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return settings.model_copy(update={"max_streams": 2})


@asynccontextmanager
async def stalled_uploads(app: FastAPI, path: str) -> AsyncIterator[None]:
    """Two clients that have sent a part of their file; in the end they leave."""
    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    scope = SCOPE | {"path": path, "raw_path": path.encode(), "headers": headers}
    arrivals: list[asyncio.Queue[Message]] = [asyncio.Queue(), asyncio.Queue()]
    answers: asyncio.Queue[Message] = asyncio.Queue()
    requests = [asyncio.create_task(app(scope, each.get, answers.put)) for each in arrivals]
    for arrived in arrivals:
        arrived.put_nowait({"type": "http.request", "body": b"--b\r\n", "more_body": True})
    await until(lambda: all(arrived.empty() for arrived in arrivals))
    yield
    for arrived in arrivals:
        arrived.put_nowait(GONE)
    await asyncio.wait_for(asyncio.gather(*requests), 10.0)
    assert answers.get_nowait()["status"] == 499


async def refused(http: httpx.AsyncClient, path: str) -> None:
    """One more upload gets 429, and none of it is read."""
    pulled: list[bytes] = []

    async def upload() -> AsyncIterator[bytes]:
        pulled.append(b"audio")
        yield pulled[-1]

    headers = {"content-type": "multipart/form-data; boundary=b"}
    response = await http.post(path, content=upload(), headers=headers)
    assert (response.status_code, response.headers["retry-after"]) == (429, "1")
    assert "2 files" in response.json()["error"]["message"]
    assert not pulled


@PATHS
async def test_one_too_many_is_refused_unread(
    app: FastAPI, http: httpx.AsyncClient, path: str
) -> None:
    async with stalled_uploads(app, path):
        await refused(http, path)
        metrics = (await http.get("/metrics")).text.splitlines()
        assert {"longwave_uploads 2.0", "longwave_refusals_total 1.0"} < set(metrics)
    assert "longwave_uploads 0.0" in (await http.get("/metrics")).text
    await check_alive(http)


async def test_a_live_stream_has_its_place_all_the_same(app: FastAPI) -> None:
    async with stalled_uploads(app, "/transcribe"), connected(app) as client:
        client.send(START)
        client.send(FINISH)
        events, _ = await client.events_until_close()
        assert [event["type"] for event in events] == ["ready", "done"]


async def test_a_file_counts_until_it_is_recognised(
    http: httpx.AsyncClient, model: FakeAcousticModel
) -> None:
    model.latency_s = 0.5
    requests = [asyncio.create_task(http.post("/transcribe", content=wav("a"))) for _ in range(2)]
    await until(lambda: sum(model.batch_sizes) >= 2)
    await refused(http, "/transcribe")
    assert {(await request).status_code for request in requests} == {200}
    await check_alive(http)
