"""A file's progress as server-sent events."""

import asyncio
import json
from collections.abc import Iterator
from itertools import pairwise
from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI
from starlette.types import Message

from service.api.file_options import EVENT_STREAM
from service.engine.recognizer import Recognizer
from service.settings import Settings
from tests.audio_samples import SAMPLE_FORMATS, encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, silence, speak
from tests.service.requests import check_alive, error_of, post, wav
from tests.service.test_disconnect import SCOPE
from tests.service.traces import has_free_places

RATE = FRAMING.sample_rate
SPEECH = np.concatenate([speak("hello world"), silence(14.0), speak("good bye"), silence(2.0)])
FILE = encode_soundfile(SPEECH, RATE)
EVENTS_SCOPE = SCOPE | {
    "asgi": {"version": "3.0", "spec_version": "2.3"},  # as uvicorn's
    "query_string": b"stream=true",
}


def events_of(response: httpx.Response) -> list[tuple[str, str]]:
    """Names and data of the events, read as the standard says."""
    assert response.status_code == 200
    assert response.headers["content-type"].startswith(EVENT_STREAM)
    return list(_parsed(response.text))


def _parsed(text: str) -> Iterator[tuple[str, str]]:
    *blocks, rest = text.split("\n\n")
    assert rest == ""
    for block in blocks:
        name, *lines = block.split("\n")
        yield name.removeprefix("event: "), "\n".join(line.removeprefix("data: ") for line in lines)


def told(events: list[tuple[str, str]], name: str) -> list[dict[str, Any]]:
    return [json.loads(data) for kind, data in events if kind == name]


async def test_progress_and_segments_come_before_the_whole(http: httpx.AsyncClient) -> None:
    events = events_of(await post(http, FILE, stream="true"))
    assert events[-1][0] == "done"
    assert [segment["text"] for segment in told(events, "segment")] == ["hello world", "good bye"]
    reports = told(events, "progress")
    assert {report["duration"] for report in reports} == {len(SPEECH) / RATE}
    heard = [report["heard"] for report in reports]
    assert all(earlier + 10 <= later for earlier, later in pairwise(heard))
    assert len(heard) == 2


async def test_the_whole_is_what_a_plain_answer_has(http: httpx.AsyncClient) -> None:
    events = events_of(await post(http, FILE, stream="true"))
    plain = (await post(http, FILE)).json()
    (done,) = told(events, "done")
    assert done | {"timings": None} == plain | {"timings": None}
    segments = told(events, "segment")
    words = [word for segment in segments for word in segment.pop("words")]
    assert (segments, words) == (plain["segments"], plain["words"])


@pytest.mark.parametrize("response_format", ["text", "srt", "vtt"])
async def test_the_whole_has_the_format_that_is_asked_for(
    http: httpx.AsyncClient, response_format: str
) -> None:
    events = events_of(await post(http, FILE, stream="true", response_format=response_format))
    plain = await post(http, FILE, response_format=response_format)
    assert events[-1] == ("done", plain.text)


async def test_the_header_accept_asks_for_events_as_well(http: httpx.AsyncClient) -> None:
    headers = {"accept": EVENT_STREAM}
    events = events_of(await http.post("/transcribe", content=wav("hello"), headers=headers))
    assert told(events, "done")[0]["text"] == "hello"


async def test_the_option_wins_over_the_header(http: httpx.AsyncClient) -> None:
    request = {"content": wav("hello"), "headers": {"accept": EVENT_STREAM}}
    response = await http.post("/transcribe?stream=false", **request)  # type: ignore[arg-type]
    assert response.json()["text"] == "hello"


async def test_channels_tell_their_segments(http: httpx.AsyncClient) -> None:
    stereo = encode_soundfile(np.stack([SPEECH, SPEECH], axis=1), RATE, "FLAC")
    events = events_of(await post(http, stereo, stream="true", channels="separate"))
    assert sorted(segment["channel"] for segment in told(events, "segment")) == [0, 0, 1, 1]


@pytest.mark.parametrize(
    ("body", "options", "expected"),
    [
        (b"<html>", {}, (422, "invalid_audio")),
        (b"", {}, (422, "empty_audio")),
        (FILE, {"nbest": "0"}, (422, "invalid_option")),
        (encode_soundfile(silence(60.0), RATE, "FLAC"), {}, (413, "audio_too_long")),
    ],
)
async def test_what_is_wrong_at_once_is_a_plain_error(
    http: httpx.AsyncClient, body: bytes, options: dict[str, str], expected: tuple[int, str]
) -> None:
    response = await post(http, body, stream="true", **options)
    assert error_of(response)[:2] == expected
    await check_alive(http)


async def test_what_goes_wrong_later_is_an_event(http: httpx.AsyncClient) -> None:
    undeclared = SAMPLE_FORMATS["mp3"].encode(silence(30.0))
    events = events_of(await post(http, undeclared, stream="true"))
    assert events[-1][0] == "error"
    assert told(events, "error")[0]["error"]["code"] == "audio_too_long"
    await check_alive(http)


async def test_an_unknown_error_tells_nothing(
    http: httpx.AsyncClient, model: FakeAcousticModel, caplog: pytest.LogCaptureFixture
) -> None:
    model.raises_at = frozenset(range(2, 100))
    response = await post(http, FILE, stream="true")
    (error,) = told(events_of(response), "error")
    assert error["error"]["code"] == "internal_error"
    assert "told to fail" not in response.text
    assert "told to fail" in caplog.text


class TestStalled:
    """Clients that stay and do not read."""

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"stream_idle_timeout_s": 0.1})

    @pytest.mark.parametrize("num_messages", [0, 1])
    async def test_one_that_reads_nothing_loses_its_place(
        self, app: FastAPI, http: httpx.AsyncClient, num_messages: int
    ) -> None:
        async def requested() -> None:
            incoming: asyncio.Queue[Message] = asyncio.Queue()
            incoming.put_nowait({"type": "http.request", "body": FILE})
            num_read = 0

            async def send(_: Message) -> None:
                nonlocal num_read
                num_read += 1
                if num_read > num_messages:
                    await asyncio.Event().wait()

            await app(EVENTS_SCOPE, incoming.get, send)

        for _ in range(2):  # as many as there are places, each time
            await asyncio.wait_for(asyncio.gather(*(requested() for _ in range(4))), 10.0)
        await check_alive(http)


async def test_a_client_that_leaves_stops_the_work(
    app: FastAPI,
    http: httpx.AsyncClient,
    recognizer: Recognizer,
    model: FakeAcousticModel,
    spools: list[SpooledTemporaryFile[bytes]],
) -> None:
    await post(http, FILE, stream="true")
    num_steps_of_all = len(model.batch_sizes)
    model.batch_sizes.clear()
    model.latency_s = 0.1
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "http.request", "body": FILE})

    async def send(message: Message) -> None:
        if message.get("body", b"").startswith(b"event: segment"):  # the first of two
            incoming.put_nowait({"type": "http.disconnect"})

    await asyncio.wait_for(app(EVENTS_SCOPE, incoming.get, send), 10.0)
    assert has_free_places(recognizer)
    assert all(spool.closed for spool in spools)
    await asyncio.sleep(0.5)  # in which the rest could be done
    assert 0 < len(model.batch_sizes) < num_steps_of_all - 1
