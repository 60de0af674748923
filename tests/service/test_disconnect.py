"""A client that goes away stops its work."""

import asyncio
from tempfile import SpooledTemporaryFile

import httpx
import pytest
from fastapi import FastAPI
from starlette.types import Message

from service.engine.recognizer import Recognizer
from service.settings import Settings
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, silence
from tests.service.requests import check_alive
from tests.service.traces import has_free_places, num_descriptors

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
GONE = {"type": "http.disconnect"}


async def requested(app: FastAPI, *messages: Message, content_type: str = "audio/wav") -> None:
    """One request whose client sends `messages` and reads nothing."""
    scope = SCOPE | {"headers": [(b"content-type", content_type.encode())]}
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    for message in messages:
        incoming.put_nowait(message)

    async def send(_: Message) -> None:
        return

    await asyncio.wait_for(app(scope, incoming.get, send), 10.0)


async def test_leaving_while_the_engine_works_stops_it(
    app: FastAPI,
    recognizer: Recognizer,
    model: FakeAcousticModel,
    spools: list[SpooledTemporaryFile[bytes]],
) -> None:
    model.latency_s = 0.2
    await requested(app, {"type": "http.request", "body": LONG}, GONE)
    num_steps = len(model.batch_sizes)
    assert num_steps <= 1
    assert has_free_places(recognizer)
    assert [spool.closed for spool in spools] == [True]
    await asyncio.sleep(0.5)
    assert len(model.batch_sizes) <= num_steps + 1


class TestUploading:
    """Clients that leave with half of their file sent, which is too much to keep in memory."""

    HALF = bytes(3 * 1024 * 1024 // 2)
    FORM = b'--x\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_upload_mb": 3})

    @pytest.mark.parametrize(
        ("content_type", "half"),
        [("audio/wav", HALF), ("multipart/form-data; boundary=x", FORM + HALF)],
        ids=["raw", "form"],
    )
    async def test_its_file_is_closed(
        self,
        app: FastAPI,
        http: httpx.AsyncClient,
        spools: list[SpooledTemporaryFile[bytes]],
        content_type: str,
        half: bytes,
    ) -> None:
        num_before = num_descriptors()
        messages = {"type": "http.request", "body": half, "more_body": True}, GONE
        await requested(app, *messages, content_type=content_type)
        assert [spool.closed for spool in spools] == [True]
        assert num_descriptors() <= num_before
        await check_alive(http)
