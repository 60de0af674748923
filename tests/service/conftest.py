"""A service in the test's own event loop, whose model hears what it is told."""

from collections.abc import AsyncIterator
from tempfile import SpooledTemporaryFile

import httpx
import pytest
from fastapi import FastAPI

from service.app import create_app
from service.engine.options import Priority, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import Recognizer, run_recognizer
from service.engine.stream import Stream
from service.settings import Settings
from tests.fakes import FakeAcousticModel, fake_bundle
from tests.service.traces import keep_spools


@pytest.fixture
def model() -> FakeAcousticModel:
    return FakeAcousticModel()


@pytest.fixture
async def recognizer(model: FakeAcousticModel) -> AsyncIterator[Recognizer]:
    # However late a busy machine is: nobody is refused for that.
    options = RuntimeOptions(max_streams=4, max_delay_ms=1e6)
    async with run_recognizer(fake_bundle(), model, options) as recognizer:
        yield recognizer


@pytest.fixture
def settings() -> Settings:
    return Settings(
        port=0,
        vosk_port=0,
        max_upload_mb=1,
        max_duration_s=20,
        max_message_kb=64,
        stream_idle_timeout_s=5,
        shutdown_timeout_s=5,
    )


@pytest.fixture
def app(settings: Settings, recognizer: Recognizer) -> FastAPI:
    return create_app(settings, recognizer)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[RecognitionOptions]:
    """What the engine is asked for, stream by stream: many options leave no trace in a text."""
    asked: list[RecognitionOptions] = []
    stream = Recognizer.stream

    def noted(self: Recognizer, options: RecognitionOptions, priority: Priority) -> Stream:
        asked.append(options)
        return stream(self, options, priority)

    monkeypatch.setattr(Recognizer, "stream", noted)
    return asked


@pytest.fixture
async def http(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://longwave") as client:
        yield client


@pytest.fixture
def spools(monkeypatch: pytest.MonkeyPatch) -> list[SpooledTemporaryFile[bytes]]:
    """The files that uploads went to, open or closed."""
    return keep_spools(monkeypatch)
