"""`WS /stream`: clients that break the protocol, send nonsense, or go away."""

import asyncio
import json
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer
from service.settings import Settings
from tests.fakes import FakeAcousticModel, speak
from tests.service.requests import check_alive
from tests.service.websocket_driver import FINISH, START, connected, pcm16

HELLO = pcm16(speak("hello"))
NAN = np.array([0.0, np.nan], "<f4").tobytes()
INFINITE = np.array([np.inf], "<f4").tobytes()
DEEP = "[" * 100_000

# What the client sends, and what it is told: code, close code, and a part of the message.
CASES: dict[str, tuple[list[dict[str, Any] | str | bytes], str, int, str]] = {
    "binary before start": ([HELLO], "unexpected_message", 1008, '"start"'),
    "finish before start": ([FINISH], "unexpected_message", 1008, '"start"'),
    "garbage": (["{"], "invalid_message", 1007, "JSON"),
    "deep garbage": ([DEEP], "message_too_large", 1009, "65536 characters"),
    "nested garbage": ([DEEP[:60_000]], "invalid_message", 1007, "JSON"),
    "json of no type": (["[1]"], "invalid_message", 1007, '"finish"'),
    "unknown type": ([{"type": "hello"}], "invalid_message", 1007, '"finish"'),
    "type of no text": ([{"type": {}}], "invalid_message", 1007, '"finish"'),
    "no sample rate": ([{"type": "start"}], "invalid_message", 1007, "'sample_rate' is missing"),
    "unknown field": ([START | {"speed": 2}], "invalid_message", 1007, "'speed'"),
    "field of wrong type": ([START | {"beam_width": "4"}], "invalid_message", 1007, "beam_width"),
    "unknown encoding": (
        [START | {"encoding": "mp3"}], "unsupported_encoding", 1003, "pcm_s16le",
    ),
    "sample rate": ([START | {"sample_rate": 100}], "unsupported_encoding", 1003, "8000 to 48000"),
    "unknown decoder": ([START | {"decoder": "fast"}], "invalid_option", 1008, "greedy"),
    "beam width": ([START | {"beam_width": 0}], "invalid_option", 1008, "between 1"),
    "second start": ([START, START], "unexpected_message", 1008, "started already"),
    "garbage later": ([START, "x"], "invalid_message", 1007, "JSON"),
    "odd byte count": ([START, HELLO + b"\0", FINISH], "invalid_audio", 1007, "1 of the 2 bytes"),
    "not a number": (
        [START | {"encoding": "pcm_f32le"}, NAN, FINISH], "invalid_audio", 1007, "",
    ),
    "infinite": ([START | {"encoding": "pcm_f32le"}, INFINITE], "invalid_audio", 1007, ""),
    "oversized": ([START, bytes(65537)], "message_too_large", 1009, "65536 bytes"),
    "over the duration limit": (
        [START, *[bytes(64_000)] * 11, FINISH], "audio_too_long", 1008, "20 s",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
async def test_an_error_is_told_and_closes(
    app: FastAPI, http: httpx.AsyncClient, case: str
) -> None:
    messages, code, close_code, part = CASES[case]
    async with connected(app) as client:
        for message in messages:
            client.send(message)
        events, closed_with = await client.events_until_close()
    error = events[-1]
    assert (error["type"], error["code"], closed_with) == ("error", code, close_code)
    assert part in error["message"]
    await check_alive(http)


@pytest.mark.parametrize("mistake", ["odd", "garbage", "oversized"])
async def test_what_was_said_before_an_error_is_not_lost(app: FastAPI, mistake: str) -> None:
    bad: list[str | bytes | dict[str, Any]] = {
        "odd": [b"\0", FINISH],
        "garbage": ["{"],
        "oversized": [bytes(70_000)],
    }[mistake]  # type: ignore[assignment]
    async with connected(app) as client:
        for message in [START, HELLO, *bad]:
            client.send(message)
        events, _ = await client.events_until_close()
    finals = [event["text"] for event in events if event["type"] == "final"]
    assert finals == ["hello"]
    assert events[-1]["type"] == "error"


class TestIdle:
    """Clients that stop sending without a word."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"stream_idle_timeout_s": 0.1})

    async def test_before_start(self, app: FastAPI, http: httpx.AsyncClient) -> None:
        async with connected(app) as client:
            events, closed_with = await client.events_until_close()
        assert [event["code"] for event in events] == ["idle_timeout"]
        assert closed_with == 1008
        await check_alive(http)

    async def test_after_audio_its_text_is_not_lost(
        self, app: FastAPI, http: httpx.AsyncClient
    ) -> None:
        async with connected(app) as client:
            client.send(START | {"interim_results": False})
            client.send(HELLO)
            events, closed_with = await client.events_until_close()
        assert [event["type"] for event in events] == ["ready", "final", "error"]
        assert (events[1]["text"], closed_with) == ("hello", 1008)
        await check_alive(http)

    async def test_a_client_that_never_reads_is_taken_for_gone(
        self, app: FastAPI, http: httpx.AsyncClient
    ) -> None:
        for _ in range(6):  # more than there are places
            async with connected(app) as client:
                client.reads.clear()
                client.send(START)
                client.send(HELLO)
                client.send(FINISH)
                await client.dropped()
        await check_alive(http)


@pytest.mark.parametrize("num_messages", [0, 1, 2])
async def test_a_client_that_leaves_without_finish_frees_its_place(
    app: FastAPI, http: httpx.AsyncClient, num_messages: int
) -> None:
    messages: list[dict[str, Any] | bytes] = [START, HELLO]
    for _ in range(6):  # more than there are places
        async with connected(app) as client:
            for message in messages[:num_messages]:
                client.send(message)
            client.leave()
    await check_alive(http)


async def test_a_slow_reader_misses_partials_only(app: FastAPI) -> None:
    text = "a long sentence that is spoken while nobody reads what comes back"
    audio = pcm16(speak(text))
    async with connected(app) as client:
        client.send(START)
        await client.event()
        client.reads.clear()
        for begin in range(0, len(audio), 10_240):
            client.send(audio[begin : begin + 10_240])
        client.send(FINISH)
        await asyncio.sleep(0.5)
        client.reads.set()
        events, closed_with = await client.events_until_close()
    kinds = [event["type"] for event in events]
    assert kinds in (["partial", "final", "done"], ["final", "done"])
    assert events[-2]["text"] == text
    assert closed_with == 1000


async def test_a_full_service_says_so(app: FastAPI, recognizer: Recognizer) -> None:
    streams = [recognizer.stream(RecognitionOptions(), Priority.LIVE) for _ in range(4)]
    async with connected(app) as client:
        client.send(START)
        events, closed_with = await client.events_until_close()
    assert (events[0]["code"], closed_with) == ("overloaded", 1013)
    for stream in streams:
        stream.close()


async def test_an_unknown_error_tells_nothing(
    app: FastAPI, model: FakeAcousticModel, caplog: pytest.LogCaptureFixture
) -> None:
    model.poisoned = lambda waveform: bool(waveform.any())
    async with connected(app) as client:
        client.send(START)
        client.send(HELLO)
        client.send(FINISH)
        events, closed_with = await client.events_until_close()
    assert (events[-1]["code"], closed_with) == ("internal_error", 1011)
    assert "poisoned" not in json.dumps(events)
    assert "poisoned" in caplog.text
