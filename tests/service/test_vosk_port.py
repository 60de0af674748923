"""Vosk's port, with a client that does what vosk-server's `websocket/test.py` does."""

import asyncio
import json
import wave
from collections.abc import AsyncIterator
from io import BytesIO
from typing import Any

import httpx
import numpy as np
import pytest
import websockets

from service.app import create_app, server_config
from service.engine.recognizer import Recognizer
from service.listeners import Listeners, address_of, open_listeners
from service.settings import Settings
from service.settings_sources import InvalidSetting
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, silence, speak
from tests.service.live_server import live
from tests.service.requests import check_alive
from tests.service.test_run import free_port

WAV = encode_soundfile(
    np.concatenate([speak("hello world"), silence(2.0), speak("good bye")]), FRAMING.sample_rate
)


async def run_test(uri: str) -> list[dict[str, Any]]:
    """The messages of vosk-server's test client, one answer awaited after each."""
    answers = []
    async with websockets.connect(uri, proxy=None) as websocket:
        with wave.open(BytesIO(WAV)) as recording:
            rate = recording.getframerate()
            await websocket.send(f'{{ "config" : {{ "sample_rate" : {rate} }} }}')
            while audio := recording.readframes(int(rate * 0.2)):
                await websocket.send(audio)
                answers.append(json.loads(await websocket.recv()))
        await websocket.send('{"eof" : 1}')
        answers.append(json.loads(await websocket.recv()))
        await websocket.wait_closed()
        assert websocket.close_code == 1000
    return answers


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return Settings(**settings.model_dump() | {"vosk_port": free_port()})


@pytest.fixture
async def listeners(settings: Settings, recognizer: Recognizer) -> AsyncIterator[Listeners]:
    """The sockets of a server that is up."""
    listeners = open_listeners(settings)
    config = server_config(settings, create_app(settings, recognizer))
    async with live(config, [*listeners.main, *listeners.vosk]):
        yield listeners


@pytest.mark.parametrize("path", ["", "/", "/any/path?of=it"])
async def test_the_port_takes_vosks_client_at_any_path(listeners: Listeners, path: str) -> None:
    answers = await run_test(f"ws://{address_of(listeners.vosk[0])}{path}")
    texts = [answer["text"] for answer in answers if "text" in answer]
    assert texts == ["hello world", "good bye"]


async def test_the_main_port_takes_it_at_its_path(listeners: Listeners) -> None:
    answers = await run_test(f"ws://{address_of(listeners.main[0])}/vosk")
    assert answers[-1]["text"] == "good bye"


async def test_the_main_port_keeps_its_own_protocol(listeners: Listeners) -> None:
    address = address_of(listeners.main[0])
    async with websockets.connect(f"ws://{address}/stream", proxy=None) as websocket:
        await websocket.send('{"type": "start", "sample_rate": 16000}')
        assert json.loads(await websocket.recv())["type"] == "ready"
    async with httpx.AsyncClient(base_url=f"http://{address}", trust_env=False) as http:
        await check_alive(http)


async def test_stopping_tells_a_conversation(settings: Settings, recognizer: Recognizer) -> None:
    listeners = open_listeners(settings)
    config = server_config(settings, create_app(settings, recognizer))
    async with live(config, [*listeners.main, *listeners.vosk]) as server:
        uri = f"ws://{address_of(listeners.vosk[0])}"
        async with websockets.connect(uri, proxy=None) as websocket:
            await websocket.send(bytes(640))
            await websocket.recv()
            server.should_exit = True
            await asyncio.wait_for(websocket.wait_closed(), 10.0)
            assert websocket.close_code == 1012


def test_a_name_listens_on_all_its_addresses(settings: Settings) -> None:
    listeners = open_listeners(settings.model_copy(update={"host": "localhost"}))
    assert "127.0.0.1" in {listener.getsockname()[0] for listener in listeners.main}
    close(listeners)


@pytest.mark.parametrize("host", ["192.0.2.1", "999.1.1.1"])
def test_a_host_that_is_not_this_machine_is_refused(settings: Settings, host: str) -> None:
    with pytest.raises(InvalidSetting, match=f"LONGWAVE_HOST={host} is no address of this machine"):
        open_listeners(settings.model_copy(update={"host": host}))


def test_a_port_that_was_asked_for_and_is_taken_is_refused(settings: Settings) -> None:
    first = open_listeners(settings)
    with pytest.raises(InvalidSetting, match=r"LONGWAVE_VOSK_PORT=\d+ cannot be listened on"):
        open_listeners(settings)
    close(first)


def test_a_main_port_that_is_taken_is_refused(settings: Settings) -> None:
    first = open_listeners(settings.model_copy(update={"vosk_port": 0}))
    port = first.main[0].getsockname()[1]
    with pytest.raises(InvalidSetting, match=f"LONGWAVE_PORT={port} cannot be listened on"):
        open_listeners(settings.model_copy(update={"port": port}))
    close(first)


def test_the_default_port_may_be_taken(
    settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    first = open_listeners(settings)
    # As if this port were the default.
    by_default = Settings.model_construct({"port"}, port=0, vosk_port=settings.vosk_port)
    second = open_listeners(by_default)
    assert second.main
    assert not second.vosk
    assert "path /vosk" in caplog.text
    close(first)
    close(second)


def test_the_port_can_be_off(settings: Settings) -> None:
    listeners = open_listeners(settings.model_copy(update={"vosk_port": 0}))
    assert not listeners.vosk
    close(listeners)


def close(listeners: Listeners) -> None:
    for listener in (*listeners.main, *listeners.vosk):
        listener.close()
