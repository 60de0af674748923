"""`/v1`, with OpenAI's own client on a real server."""

import asyncio
import io
import math
from collections.abc import AsyncIterator
from contextlib import ExitStack
from typing import Any

import numpy as np
import openai
import pytest
from fastapi import FastAPI
from openai.types.audio import Transcription, TranscriptionVerbose
from pydantic import TypeAdapter

from service.app import server_config
from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer
from service.settings import Settings
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, silence, speak
from tests.service.live_server import LiveServer, live
from tests.service.requests import wav
from tests.service.traces import has_free_places, until

TWO_UTTERANCES = encode_soundfile(
    np.concatenate([speak("hello world"), silence(2.0), speak("good bye")]), FRAMING.sample_rate
)
TEXT = "hello world good bye"
FILE = ("speech.wav", TWO_UTTERANCES)


@pytest.fixture
async def server(app: FastAPI, settings: Settings) -> AsyncIterator[LiveServer]:
    async with live(server_config(settings, app)) as server:
        yield server


@pytest.fixture
async def client(server: LiveServer) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(
        api_key="anything",
        base_url=f"http://{server.address}/v1",
        max_retries=0,
        http_client=openai.DefaultAsyncHttpxClient(trust_env=False),
    ) as client:
        yield client


def strictly(answer: Any) -> None:
    """The answer has every field that its type requires: the client itself does not check."""
    TypeAdapter(type(answer)).validate_python(answer.model_dump(), strict=True)


async def test_json(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(file=FILE, model="whisper-1")
    assert isinstance(answer, Transcription)
    strictly(answer)
    assert answer.text == TEXT
    assert answer.logprobs is None
    assert answer.usage is not None
    assert answer.usage.type == "duration"


@pytest.mark.parametrize("name", ["fake", "whisper-1", "gpt-4o-transcribe"])
async def test_every_name_of_the_model(client: openai.AsyncOpenAI, name: str) -> None:
    answer = await client.audio.transcriptions.create(file=FILE, model=name)
    assert answer.text == TEXT


async def test_text(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE, model="whisper-1", response_format="text"
    )
    assert answer == TEXT + "\n"


async def test_srt(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE, model="whisper-1", response_format="srt"
    )
    assert answer.startswith("1\n00:00:00,000 --> 00:00:0")
    assert "\n\n2\n00:00:0" in answer
    assert "hello world\n" in answer


async def test_vtt(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE, model="whisper-1", response_format="vtt"
    )
    assert answer.startswith("WEBVTT\n\n00:00:00.000 --> 00:00:0")


async def test_verbose_json_has_segments(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE, model="whisper-1", response_format="verbose_json", language="en"
    )
    assert isinstance(answer, TranscriptionVerbose)
    strictly(answer)
    assert (answer.text, answer.language, answer.words) == (TEXT, "english", None)
    assert answer.duration == pytest.approx(len(TWO_UTTERANCES) / 2 / FRAMING.sample_rate, abs=0.1)
    assert answer.segments is not None
    assert "".join(segment.text for segment in answer.segments) == f" {TEXT}"
    first, second = answer.segments
    assert (first.id, second.id) == (0, 1)
    assert 0 <= first.start < first.end < second.start < second.end <= answer.duration
    assert -1 < first.avg_logprob <= 0


async def test_verbose_json_has_words_alone(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word"],
    )
    strictly(answer)
    assert answer.segments is None
    assert answer.words is not None
    assert [word.word for word in answer.words] == TEXT.split()
    times = [time for word in answer.words for time in (word.start, word.end)]
    assert times == sorted(times)


async def test_verbose_json_has_both(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE,
        model="whisper-1",
        response_format="verbose_json",
        timestamp_granularities=["word", "segment"],
    )
    assert answer.words
    assert answer.segments


async def test_logprobs(client: openai.AsyncOpenAI) -> None:
    answer = await client.audio.transcriptions.create(
        file=FILE, model="gpt-4o-transcribe", include=["logprobs"], response_format="json"
    )
    strictly(answer)
    assert answer.logprobs is not None
    assert "".join(logprob.token or "" for logprob in answer.logprobs) == TEXT
    for logprob in answer.logprobs:
        assert bytes(map(int, logprob.bytes or [])).decode() == logprob.token
        assert logprob.logprob is not None
        assert math.log(0.9) < logprob.logprob <= 0


@pytest.mark.parametrize("response_format", ["json", "text"])
async def test_a_stream(client: openai.AsyncOpenAI, response_format: Any) -> None:
    events = [
        event
        async for event in await client.audio.transcriptions.create(
            file=FILE, model="gpt-4o-transcribe", stream=True, response_format=response_format
        )
    ]
    for event in events:
        strictly(event)
    *deltas, done = events
    assert [delta.type for delta in deltas] == ["transcript.text.delta"] * 2
    assert done.type == "transcript.text.done"
    assert done.text == TEXT
    assert "".join(d.delta for d in deltas if d.type == "transcript.text.delta") == TEXT
    assert done.logprobs is None


async def test_a_stream_with_logprobs(client: openai.AsyncOpenAI) -> None:
    tokens, done = "", None
    async for event in await client.audio.transcriptions.create(
        file=FILE, model="gpt-4o-transcribe", stream=True, include=["logprobs"]
    ):
        if event.type == "transcript.text.delta":
            tokens += "".join(logprob.token or "" for logprob in event.logprobs or [])
        elif event.type == "transcript.text.done":
            done = event
    assert done is not None
    assert tokens == done.text == TEXT
    assert "".join(logprob.token or "" for logprob in done.logprobs or []) == TEXT


async def test_a_stream_of_silence(client: openai.AsyncOpenAI) -> None:
    nothing = encode_soundfile(silence(1.0), FRAMING.sample_rate)
    stream = await client.audio.transcriptions.create(
        file=("x.wav", nothing), model="whisper-1", stream=True
    )
    [done] = [event async for event in stream]
    assert done.type == "transcript.text.done"
    assert done.text == ""


async def test_a_stream_that_fails_midway_says_so(
    client: openai.AsyncOpenAI, model: FakeAcousticModel, caplog: pytest.LogCaptureFixture
) -> None:
    model.raises_at = frozenset({1, 2})  # the second step, alone as well
    waveform = np.concatenate([speak("hello"), silence(12.0)])
    stream = await client.audio.transcriptions.create(
        file=("x.wav", encode_soundfile(waveform, FRAMING.sample_rate)),
        model="whisper-1",
        stream=True,
    )
    with pytest.raises(openai.APIError, match="internal error") as caught:
        [event async for event in stream]
    assert caught.value.code == "internal_error"
    assert "told to fail" in caplog.text


async def test_a_client_that_leaves_a_stream_frees_its_place(
    client: openai.AsyncOpenAI, recognizer: Recognizer, model: FakeAcousticModel
) -> None:
    model.latency_s = 0.05
    waveform = np.concatenate([speak("hello"), silence(15.0)])
    file = ("x.wav", encode_soundfile(waveform, FRAMING.sample_rate))
    for _ in range(6):  # more than there are places
        stream = await client.audio.transcriptions.create(file=file, model="whisper-1", stream=True)
        async for _ in stream:
            break
        await stream.close()
    await until(lambda: has_free_places(recognizer))


async def test_models(client: openai.AsyncOpenAI) -> None:
    listed = [model async for model in client.models.list()]
    for model in listed:
        strictly(model)
        assert await client.models.retrieve(model.id) == model
    assert {"fake", "whisper-1"} <= {model.id for model in listed}
    assert listed[0].created == 946684800  # 2000-01-01


async def test_an_unknown_model(client: openai.AsyncOpenAI) -> None:
    for request in (
        client.models.retrieve("gpt-9/audio"),
        client.audio.transcriptions.create(file=FILE, model="gpt-9"),
    ):
        with pytest.raises(openai.NotFoundError) as caught:
            await request
        error = caught.value
        assert (error.code, error.param) == ("model_not_found", "model")
        assert error.type == "invalid_request_error"
        assert "'fake'" in error.message
        assert error.request_id


@pytest.fixture
async def patient(
    client: openai.AsyncOpenAI, recognizer: Recognizer
) -> AsyncIterator[tuple[openai.AsyncOpenAI, list[int]]]:
    """A client that tries again, of a service that is full until it has refused once.

    With it come the statuses of the answers that it gets.
    """
    statuses: list[int] = []
    with ExitStack() as streams:
        for _ in range(4):
            streams.enter_context(recognizer.stream(RecognitionOptions(), Priority.LIVE))

        async def note(response: Any) -> None:
            statuses.append(response.status_code)
            streams.close()

        hooks = {"response": [note]}
        async with openai.DefaultAsyncHttpxClient(trust_env=False, event_hooks=hooks) as http:
            yield client.with_options(max_retries=2, http_client=http), statuses


async def test_a_client_that_is_refused_tries_again(
    patient: tuple[openai.AsyncOpenAI, list[int]],
) -> None:
    client, statuses = patient
    answer = await client.audio.transcriptions.create(file=FILE, model="whisper-1")
    assert answer.text == TEXT
    assert statuses == [429, 200]


async def test_a_stream_that_is_refused_tries_again(
    patient: tuple[openai.AsyncOpenAI, list[int]],
) -> None:
    client, statuses = patient
    stream = await client.audio.transcriptions.create(file=FILE, model="whisper-1", stream=True)
    assert [event async for event in stream][-1].type == "transcript.text.done"
    assert statuses == [429, 200]


async def test_a_refusal_says_when_to_come_again(
    patient: tuple[openai.AsyncOpenAI, list[int]],
) -> None:
    client, _ = patient
    with pytest.raises(openai.RateLimitError) as caught:
        await client.with_options(max_retries=0).audio.transcriptions.create(
            file=FILE, model="whisper-1"
        )
    assert (caught.value.code, caught.value.type) == ("rate_limit_exceeded", "requests")
    assert int(caught.value.response.headers["retry-after"]) >= 1


async def test_the_raw_answer(client: openai.AsyncOpenAI) -> None:
    create = client.audio.transcriptions.with_raw_response.create
    raw = await create(file=FILE, model="whisper-1", extra_headers={"x-request-id": "call-7"})
    assert raw.headers["x-request-id"] == "call-7"
    assert raw.parse().text == TEXT
    streaming = client.audio.transcriptions.with_streaming_response
    async with streaming.create(file=FILE, model="whisper-1", response_format="srt") as response:
        lines = [line async for line in response.iter_lines()]
    assert lines[0] == "1"


async def test_a_file_without_a_name(client: openai.AsyncOpenAI) -> None:
    for file in (io.BytesIO(wav("bare")), wav("bare"), ("x", wav("bare"), "text/plain")):
        answer = await client.audio.transcriptions.create(file=file, model="whisper-1")
        assert answer.text == "bare"


async def test_the_client_for_programs_without_an_event_loop(server: LiveServer) -> None:
    def transcribed() -> str:
        http = openai.DefaultHttpxClient(trust_env=False)
        with openai.OpenAI(
            api_key="anything", base_url=f"http://{server.address}/v1", http_client=http
        ) as client:
            return client.audio.transcriptions.create(file=FILE, model="whisper-1").text

    assert await asyncio.to_thread(transcribed) == TEXT
