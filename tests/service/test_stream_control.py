"""`WS /stream`: what a client can steer while it streams."""

from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from service.engine.options import BoostPhrase, RecognitionOptions
from tests.fakes import silence, speak
from tests.service.requests import check_alive
from tests.service.test_stream import TWO_UTTERANCES, of_type, recognised
from tests.service.websocket_driver import FINISH, START, Client, connected, pcm16

FINALIZE = {"type": "finalize"}
KEEPALIVE = {"type": "keepalive"}


async def until(client: Client, kind: str) -> list[dict[str, Any]]:
    """The events up to the first of this type, which is the last of them."""
    events = [await client.event()]
    while events[-1]["type"] != kind:
        events.append(await client.event())
    return events


async def test_finalize_forces_a_final_of_all_that_was_sent(app: FastAPI) -> None:
    async with connected(app) as client:
        client.send(START)
        await client.event()
        client.send(pcm16(speak("hello")))
        client.send(FINALIZE)
        *_, final, finalized = await until(client, "finalized")
        assert (final["type"], final["text"]) == ("final", "hello")
        assert finalized["duration"] == pytest.approx(len(speak("hello")) / 16000)
        client.send(pcm16(speak("world")))
        client.send(FINISH)
        events, code = await client.events_until_close()
    (last,) = of_type(events, "final")
    assert (last["text"], code) == ("world", 1000)
    assert last["start"] == pytest.approx(finalized["duration"])


async def test_finalize_is_answered_where_nothing_was_said(app: FastAPI) -> None:
    async with connected(app) as client:
        client.send(START)
        client.send(FINALIZE)
        client.send(pcm16(silence(0.5)))
        client.send(FINALIZE)
        client.send(FINISH)
        events, _ = await client.events_until_close()
    assert [event["type"] for event in events] == ["ready", "finalized", "finalized", "done"]


async def test_finals_tell_a_pause_from_a_cut(app: FastAPI) -> None:
    async with connected(app) as client:
        client.send(START)
        for piece in (speak("a pause"), silence(1.5), speak("a cut")):
            client.send(pcm16(piece))
        client.send(FINALIZE)
        client.send(pcm16(speak("the end")))
        client.send(FINISH)
        events, _ = await client.events_until_close()
    assert {(event["is_final"], event["speech_final"]) for event in of_type(events, "partial")} == {
        (False, False)
    }
    finals = of_type(events, "final")
    assert [(final["text"], final["is_final"], final["speech_final"]) for final in finals] == [
        ("a pause", True, True),
        ("a cut", True, False),
        ("the end", True, True),
    ]


async def test_a_keepalive_says_nothing_and_changes_nothing(app: FastAPI) -> None:
    async with connected(app) as client:
        client.send(START | {"interim_results": False})
        for piece in np.array_split(speak("hello"), 3):
            client.send(pcm16(piece))
            client.send(KEEPALIVE)
        client.send(FINISH)
        events, _ = await client.events_until_close()
    assert [event["type"] for event in events] == ["ready", "final", "done"]
    assert events[1]["text"] == "hello"


async def test_a_stream_chooses_when_utterances_end(app: FastAPI) -> None:
    waveform = np.concatenate([speak("hello"), silence(0.6), speak(" world"), silence(0.5)])
    usual = await recognised(app, pcm16(waveform), 6400)
    quick = await recognised(app, pcm16(waveform), 6400, silence_s=0.3)
    assert [final["text"] for final in of_type(usual, "final")] == ["hello world"]
    assert [final["text"] for final in of_type(quick, "final")] == ["hello", "world"]


async def test_an_utterance_is_never_longer_than_asked_for(app: FastAPI) -> None:
    audio = pcm16(speak("abcdefghijklmnopqrstuvwxyz" * 2))
    finals = of_type(await recognised(app, audio, 6400, max_utterance_s=1.5), "final")
    assert len(finals) > 1
    assert all(final["end"] - final["start"] <= 1.5 for final in finals)
    assert "".join(final["text"] for final in finals) == "abcdefghijklmnopqrstuvwxyz" * 2


async def test_a_stream_gives_other_readings(app: FastAPI) -> None:
    events = await recognised(app, pcm16(TWO_UTTERANCES), 6400, nbest=3)
    finals = of_type(events, "final")
    assert [len(final["alternatives"]) for final in finals] == [2, 2]
    assert all(0 < final["confidence"] <= 1 for final in finals)


async def test_a_stream_takes_all_options_of_a_file(
    app: FastAPI, asked: list[RecognitionOptions]
) -> None:
    options = {
        "decoder": "beam", "beam_width": 4, "lm_weight": 0, "word_bonus": 0.0,
        "boost": ["hello:2", {"phrase": "world", "weight": 1}],
    }  # fmt: skip
    events = await recognised(app, pcm16(speak("hello world")), 6400, **options)
    assert of_type(events, "final")[0]["text"] == "hello world"
    boost = BoostPhrase("hello", 2.0), BoostPhrase("world", 1.0)
    assert asked == [
        RecognitionOptions("beam", beam_width=4, lm_weight=0.0, word_bonus=0.0, boost=boost)
    ]


async def test_a_stream_writes_numbers_in_digits_when_they_are_final(app: FastAPI) -> None:
    audio = pcm16(speak("forty two"))
    events = await recognised(app, audio, 6400, numerals=True)
    assert [final["text"] for final in of_type(events, "final")] == ["42"]
    partials = [event["text"] for event in of_type(events, "partial")]
    assert partials
    assert all("forty two".startswith(text) for text in partials)


@pytest.mark.parametrize(
    ("messages", "code", "part"),
    [
        ([FINALIZE], "unexpected_message", "start"),
        ([KEEPALIVE], "unexpected_message", "start"),
        ([START, FINALIZE | {"now": True}], "invalid_message", "'now'"),
        ([START, KEEPALIVE | {"now": True}], "invalid_message", "'now'"),
        ([START | {"silence_s": 0}], "invalid_option", "silence_s"),
        ([START | {"silence_s": "1"}], "invalid_message", "silence_s"),
        ([START | {"max_utterance_s": 0.9}], "invalid_option", "max_utterance_s"),
        ([START | {"nbest": 0}], "invalid_option", "nbest"),
        ([START | {"boost": ["7"]}], "invalid_option", "numbers as words"),
        ([START | {"boost": "a"}], "invalid_message", "boost"),
        ([START | {"boost": [{"phrase": "a", "weight": "x"}]}], "invalid_message", "weight"),
        ([START | {"interim_results": 1}], "invalid_message", "interim_results"),
        ([START | {"numerals": "yes"}], "invalid_message", "numerals"),
        ([START | {"response_format": "srt"}], "invalid_message", "'response_format'"),
    ],
)
async def test_a_mistake_is_told(
    app: FastAPI,
    http: httpx.AsyncClient,
    messages: list[dict[str, Any]],
    code: str,
    part: str,
) -> None:
    async with connected(app) as client:
        for message in messages:
            client.send(message)
        events, _ = await client.events_until_close()
    assert (events[-1]["type"], events[-1]["code"]) == ("error", code)
    assert part in events[-1]["message"]
    await check_alive(http)
