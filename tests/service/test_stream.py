"""`WS /stream`: the protocol as a well-behaved client uses it."""

from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from service.engine.options import RecognitionOptions
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, silence, speak
from tests.service.requests import post
from tests.service.websocket_driver import FINISH, START, connected, pcm16

TWO_UTTERANCES = np.concatenate(
    [speak("hello world"), silence(2.0), speak("good bye"), silence(0.5)]
)


def of_type(events: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [event for event in events if event["type"] == kind]


async def recognised(app: FastAPI, audio: bytes, piece: int, **start: Any) -> list[dict[str, Any]]:
    """The events after `ready` for audio that is sent in pieces of `piece` bytes."""
    async with connected(app) as client:
        client.send(START | start)
        assert (await client.event())["type"] == "ready"
        for begin in range(0, len(audio), piece):
            client.send(audio[begin : begin + piece])
        client.send(FINISH)
        events, code = await client.events_until_close()
    assert code == 1000
    return events


async def test_ready_says_what_was_agreed(app: FastAPI) -> None:
    async with connected(app) as client:
        client.send(START)
        ready = await client.event()
        assert ready == {
            "type": "ready", "model": "fake", "sample_rate": 16000, "encoding": "pcm_s16le",
        }  # fmt: skip


@pytest.mark.parametrize("piece", [1001, 6400, 65536])
async def test_finals_equal_what_the_same_audio_gives_as_a_file(
    app: FastAPI, http: httpx.AsyncClient, piece: int
) -> None:
    events = await recognised(app, pcm16(TWO_UTTERANCES), piece)
    file = (await post(http, encode_soundfile(TWO_UTTERANCES, FRAMING.sample_rate))).json()
    finals = of_type(events, "final")
    assert [final["text"] for final in finals] == ["hello world", "good bye"]
    assert " ".join(final["text"] for final in finals) == file["text"]
    assert [word for final in finals for word in final["words"]] == file["words"]
    assert events[-1]["type"] == "done"
    assert events[-1]["duration"] == file["duration"]


async def test_the_stable_prefix_of_a_partial_never_changes(app: FastAPI) -> None:
    async with connected(app) as client:
        client.send(START)
        await client.event()
        client.send(pcm16(np.concatenate([speak("hello world"), silence(0.64)])))
        partial = await client.event()
        assert partial["type"] == "partial"
        assert partial["text"].startswith(partial["stable"])
        client.send(FINISH)
        events, _ = await client.events_until_close()
    final = of_type(events, "final")[0]
    assert final["text"] == "hello world"
    assert final["text"].startswith(partial["stable"])
    assert final["start"] <= final["words"][0]["start"] < final["words"][-1]["end"] <= final["end"]


async def test_interim_results_can_be_left_out(app: FastAPI) -> None:
    events = await recognised(app, pcm16(TWO_UTTERANCES), 6400, interim_results=False)
    assert [event["type"] for event in events] == ["final", "final", "done"]


@pytest.mark.parametrize("options", [{"decoder": "greedy"}, {"decoder": "beam", "beam_width": 4}])
async def test_a_stream_chooses_its_decoder(
    app: FastAPI, asked: list[RecognitionOptions], options: dict[str, Any]
) -> None:
    events = await recognised(app, pcm16(speak("hello")), 6400, **options)
    assert of_type(events, "final")[0]["text"] == "hello"
    assert asked == [RecognitionOptions(**options)]


async def test_floats_of_another_rate(app: FastAPI) -> None:
    audio = np.repeat(speak("twice as fast"), 2).astype("<f4").tobytes()
    events = await recognised(app, audio, 6401, encoding="pcm_f32le", sample_rate=32000)
    assert of_type(events, "final")[0]["text"] == "twice as fast"


@pytest.mark.parametrize(("encoding", "codec"), [("mulaw", "ULAW"), ("alaw", "ALAW")])
async def test_telephone_audio(app: FastAPI, encoding: str, codec: str) -> None:
    audio = encode_soundfile(speak("hello world")[::2], 8000, "RAW", codec)
    events = await recognised(app, audio, 160, encoding=encoding, sample_rate=8000)
    assert of_type(events, "final")[0]["text"] == "hello world"
    assert events[-1]["duration"] == pytest.approx(len(audio) / 8000, abs=0.01)


@pytest.mark.parametrize("audio", [b"", bytes(640), pcm16(silence(5.0))])
async def test_silence_gives_no_text(app: FastAPI, audio: bytes) -> None:
    events = await recognised(app, audio, 6400)
    assert [event["type"] for event in events] == ["done"]
    assert events[0]["duration"] == pytest.approx(len(audio) / 32000)
