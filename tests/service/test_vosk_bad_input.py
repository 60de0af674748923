"""`WS /vosk`: clients that send nonsense, too much, nothing, or go away."""

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from service.engine.options import MAX_BEAM_WIDTH, Priority, RecognitionOptions
from service.engine.recognizer import Recognizer
from service.settings import Settings
from tests.fakes import FakeAcousticModel, speak
from tests.service.requests import check_alive
from tests.service.websocket_driver import Client, connected, pcm16

HELLO = pcm16(speak("hello"))
CONFIG = '{"config": {"sample_rate": 16000}}'
ENDLESS_HEADER = b"RIFF\xff\xff\xff\xffWAVELIST\xff\xff\xff\xff" + bytes(60_000)
RESETS: list[str | bytes] = [bytes(64_000), '{"reset":1}'] * 11

# What the client sends, the code that the connection closes with, and a part of its reason.
CASES: dict[str, tuple[list[str | bytes], int, str]] = {
    "garbage": (["{"], 1007, "JSON"),
    "nested garbage": (["[" * 60_000], 1007, "JSON"),
    "a list": (["[1]"], 1007, '"config", "eof" or "reset"'),
    "unknown object": (['{"hello": 1}'], 1007, '"config", "eof" or "reset"'),
    "an end that is none": (['{"eof": 0}'], 1007, '"config", "eof" or "reset"'),
    "config of no object": (['{"config": [1]}'], 1007, '"config" must be'),
    "config of null": (['{"config": null}'], 1007, '"config" must be'),
    "rate of text": (['{"config": {"sample_rate": "fast"}}'], 1007, "sample_rate"),
    "rate of infinity": (['{"config": {"sample_rate": 1e999}}'], 1007, "sample_rate"),
    "rate too low": (['{"config": {"sample_rate": 100}}', HELLO], 1003, "8000 to 48000"),
    "rate too high": (['{"config": {"sample_rate": 1e300}}', HELLO], 1003, "sample rate"),
    "negative rate": (['{"config": {"sample_rate": -1}}', HELLO], 1003, "8000 to 48000"),
    "alternatives": (['{"config": {"max_alternatives": -1}}'], 1007, "max_alternatives"),
    "phrases": (['{"config": {"phrase_list": "one"}}'], 1007, "phrase_list"),
    "phrases of numbers": (['{"config": {"phrase_list": [1]}}'], 1007, "phrase_list"),
    "words": (['{"config": {"words": "perhaps"}}'], 1007, "words"),
    "too large a message": ([CONFIG, bytes(65_537)], 1009, "65536 bytes"),
    "over the duration limit": ([CONFIG, *[bytes(64_000)] * 11], 1008, "20 s"),
    "over it with resets": ([CONFIG, *RESETS], 1008, "20 s"),
    "a header without end": ([CONFIG, ENDLESS_HEADER, bytes(10_000)], 1007, "WAV header"),
}  # fmt: skip


async def closing(client: Client) -> tuple[int, str]:
    """The code and the reason that the connection closes with, whatever comes before."""
    while (message := await client.message())["type"] == "websocket.send":
        pass
    assert message["type"] == "websocket.close"
    return message["code"], message["reason"]


@pytest.mark.parametrize("case", CASES)
async def test_a_mistake_closes_with_its_reason(
    app: FastAPI, http: httpx.AsyncClient, case: str
) -> None:
    messages, code, part = CASES[case]
    async with connected(app, "/vosk") as client:
        for message in messages:
            client.send(message)
        closed_with, reason = await closing(client)
    assert closed_with == code
    assert part in reason
    assert len(reason.encode()) <= 123
    await check_alive(http)


async def test_very_many_alternatives_and_phrases_are_bounded(app: FastAPI) -> None:
    phrases = ", ".join(f'"word {"x" * (number % 150)}"' for number in range(400))
    config = f'{{"config": {{"max_alternatives": 1000000, "phrase_list": [{phrases}]}}}}'
    async with connected(app, "/vosk") as client:
        client.send(config)
        client.send(CONFIG)
        client.send(HELLO)
        assert "partial" in await client.event()
        client.send('{"eof":1}')
        alternatives = (await client.event())["alternatives"]
    assert 1 < len(alternatives) <= MAX_BEAM_WIDTH
    assert alternatives[0]["text"] == "hello"


async def test_a_full_service_says_so(
    app: FastAPI, http: httpx.AsyncClient, recognizer: Recognizer
) -> None:
    streams = [recognizer.stream(RecognitionOptions(), Priority.LIVE) for _ in range(4)]
    async with connected(app, "/vosk") as client:
        client.send(HELLO)
        assert (await closing(client))[0] == 1013
    for stream in streams:
        stream.close()
    await check_alive(http)


@pytest.mark.parametrize("num_messages", [0, 1, 2])
async def test_a_client_that_leaves_frees_its_place(
    app: FastAPI, http: httpx.AsyncClient, num_messages: int
) -> None:
    messages: list[Any] = [CONFIG, HELLO]
    for _ in range(6):  # more than there are places
        async with connected(app, "/vosk") as client:
            for message in messages[:num_messages]:
                client.send(message)
            client.leave()
    await check_alive(http)


async def test_an_unknown_error_tells_nothing(
    app: FastAPI, model: FakeAcousticModel, caplog: pytest.LogCaptureFixture
) -> None:
    model.poisoned = lambda waveform: bool(waveform.any())
    async with connected(app, "/vosk") as client:
        client.send(CONFIG)
        client.send(HELLO)
        client.send('{"eof":1}')
        code, reason = await closing(client)
    assert code == 1011
    assert "poisoned" not in reason
    assert "poisoned" in caplog.text


class TestIdle:
    """Clients that stop sending, or reading, without a word."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"stream_idle_timeout_s": 0.1})

    async def test_one_that_sends_nothing(self, app: FastAPI, http: httpx.AsyncClient) -> None:
        for _ in range(6):  # more than there are places
            async with connected(app, "/vosk") as client:
                client.send(HELLO)
                assert (await closing(client))[0] == 1008
        await check_alive(http)

    async def test_one_that_never_reads(self, app: FastAPI, http: httpx.AsyncClient) -> None:
        for _ in range(6):  # more than there are places
            async with connected(app, "/vosk") as client:
                client.reads.clear()
                client.send(HELLO)
                await client.dropped()
        await check_alive(http)
