"""`WS /vosk`: the protocol as vosk-server's own clients use it."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi import FastAPI

from service.settings import Settings
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, silence, speak
from tests.service.requests import post
from tests.service.websocket_driver import Client, connected, pcm16

RATE = FRAMING.sample_rate
PIECE = round(0.2 * RATE) * 2  # bytes: vosk-server's test.py sends 0.2 s at a time
TWO_UTTERANCES = np.concatenate(
    [speak("hello world"), silence(2.0), speak("good bye"), silence(0.5)]
)
CONFIG = f'{{ "config" : {{ "sample_rate" : {RATE} }} }}'  # as test.py spells it
EOF = '{"eof" : 1}'


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[Client]:
    async with connected(app, "/vosk") as client:
        yield client


async def reply_to(client: Client, message: bytes | str) -> dict[str, Any]:
    """The one reply that a message gets."""
    client.send(message)
    reply = await client.event()
    assert client.from_app.empty()
    return reply


async def end(client: Client, spelling: str = EOF) -> dict[str, Any]:
    """The last reply, and nothing after it but the close."""
    client.send(spelling)
    reply = await client.event()
    assert await client.events_until_close() == ([], 1000)
    return reply


async def replies_to(client: Client, audio: bytes, piece: int = PIECE) -> list[dict[str, Any]]:
    """One reply a message, each awaited before the next message, as test.py does it."""
    return [await reply_to(client, audio[at : at + piece]) for at in range(0, len(audio), piece)]


async def result_of(client: Client, audio: bytes, config: str = CONFIG) -> dict[str, Any]:
    """What a client gets at the end for audio without a pause."""
    client.send(config)
    await replies_to(client, audio)
    return await end(client)


def configured(**config: Any) -> str:
    return json.dumps({"config": {"sample_rate": RATE} | config})


def results(replies: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [reply for reply in replies if "partial" not in reply]


async def test_a_conversation_message_for_message(client: Client, http: httpx.AsyncClient) -> None:
    client.send(CONFIG)
    replies = await replies_to(client, pcm16(TWO_UTTERANCES))
    replies.append(await end(client))

    assert all(set(reply) == {"partial"} for reply in replies if "partial" in reply)
    assert {"partial": ""} in replies
    assert {"partial": "hello world"} in replies
    first, last = results(replies)
    assert [first["text"], last["text"]] == ["hello world", "good bye"]
    assert set(first["result"][0]) == {"conf", "start", "end", "word"}
    words = (await post(http, encode_soundfile(TWO_UTTERANCES, RATE))).json()["words"]
    heard = [*first["result"], *last["result"]]
    assert [(word["word"], word["start"], word["end"]) for word in heard] == [
        (word["word"], word["start"], word["end"]) for word in words
    ]
    assert all(0.9 < word["conf"] <= 1 for word in heard)


async def test_json_is_laid_out_as_vosk_does(client: Client) -> None:
    client.send(b"")
    assert (await client.message())["text"] == '{\n  "partial" : ""\n}'


async def test_a_result_starts_the_next_partial_afresh(client: Client) -> None:
    client.send(CONFIG)
    replies = await replies_to(client, pcm16(TWO_UTTERANCES))
    after = replies[replies.index(results(replies)[0]) + 1 :]
    assert not any("hello" in reply["partial"] for reply in after)


@pytest.mark.parametrize("spelling", ['{"eof" : 1}', '{"eof":1}', ' { "eof":  true }\n'])
async def test_the_end_however_it_is_spelled(client: Client, spelling: str) -> None:
    client.send(CONFIG)
    await replies_to(client, pcm16(speak("hello")))
    assert (await end(client, spelling))["text"] == "hello"


async def test_an_end_without_audio(client: Client) -> None:
    assert await end(client) == {"text": ""}


@pytest.mark.parametrize("spelling", ['{"reset" : 1}', '{"reset":1}'])
async def test_a_reset_gives_the_result_and_goes_on(client: Client, spelling: str) -> None:
    client.send(CONFIG)
    audio = np.concatenate([speak("one"), silence(0.4)])
    await replies_to(client, pcm16(audio))
    first = await reply_to(client, spelling)
    assert await reply_to(client, spelling) == {"text": ""}
    await replies_to(client, pcm16(audio))
    second = await end(client)
    assert [first["text"], second["text"]] == ["one", "one"]
    later_s = second["result"][0]["start"] - first["result"][0]["start"]
    assert later_s == pytest.approx(len(audio) / RATE)


@pytest.mark.parametrize(
    ("words", "has_words"), [(True, True), (1, True), (False, False), (0, False)]
)
async def test_words_can_be_left_out(client: Client, words: Any, has_words: bool) -> None:
    result = await result_of(client, pcm16(speak("hello")), configured(words=words))
    assert ("result" in result) is has_words
    assert result["text"] == "hello"


async def test_alternatives(client: Client) -> None:
    result = await result_of(client, pcm16(speak("hello you")), configured(max_alternatives=3))
    assert set(result) == {"alternatives"}
    alternatives = result["alternatives"]
    assert alternatives[0]["text"] == "hello you"
    assert len(alternatives) == 3
    assert len({alternative["text"] for alternative in alternatives}) == 3
    confidences = [alternative["confidence"] for alternative in alternatives]
    assert confidences == sorted(confidences, reverse=True)
    for alternative in alternatives:
        words = alternative["result"]
        assert " ".join(word["word"] for word in words) == alternative["text"]
        assert all(set(word) == {"start", "end", "word"} for word in words)
        assert all(word["start"] < word["end"] for word in words)


async def test_alternatives_of_nothing(client: Client) -> None:
    client.send(configured(max_alternatives=2))
    await reply_to(client, pcm16(silence(1.0)))
    nothing = {"alternatives": [{"text": "", "confidence": 1.0}]}
    assert await end(client) == nothing


async def test_phrases_are_hints_and_restrict_nothing(client: Client) -> None:
    config = configured(phrase_list=["zero one two", "[unk]", "", "Señor"])
    assert (await result_of(client, pcm16(speak("hello")), config))["text"] == "hello"


async def test_a_model_in_the_configuration_loads_nothing(client: Client) -> None:
    config = configured(model="/etc/passwd")
    assert (await result_of(client, pcm16(speak("hello")), config))["text"] == "hello"


@pytest.mark.parametrize("rate", [8000.0, "8000", 48000])
async def test_other_sample_rates(client: Client, rate: Any) -> None:
    seconds = 1.0
    client.send(json.dumps({"config": {"sample_rate": rate}}))
    silent = bytes(2 * int(seconds * float(rate)))
    assert await replies_to(client, silent, 9001) == [{"partial": ""}] * -(-len(silent) // 9001)
    assert await end(client) == {"text": ""}


async def test_without_a_configuration_audio_has_the_rate_of_the_settings(client: Client) -> None:
    twice_as_slow = speak("telephone")[::2]
    await replies_to(client, pcm16(twice_as_slow))
    assert (await end(client))["text"] == "telephone"


@pytest.mark.parametrize("piece", [3, 1000, 100_000])
async def test_a_wav_header_is_skipped(client: Client, piece: int) -> None:
    client.send(CONFIG)
    wav = encode_soundfile(speak("no click"), RATE)
    start = await replies_to(client, wav[:300], min(piece, 300))
    assert start == [{"partial": ""}] * len(start)
    await replies_to(client, wav[300:], 1000)
    result = await end(client)
    assert result["text"] == "no click"
    # One symbol lasts a frame: 44 bytes of header would move what is heard by 1.4 ms only.
    assert result["result"][0]["start"] == 0.0


async def test_half_a_sample_at_the_end_is_no_error(client: Client) -> None:
    result = await result_of(client, pcm16(speak("odd")) + b"\0")
    assert result["text"] == "odd"


async def test_a_configuration_counts_once_nothing_has_been_heard_yet(client: Client) -> None:
    client.send(CONFIG)
    await replies_to(client, pcm16(speak("hello")))
    client.send(configured(words=0))
    assert "result" in await reply_to(client, '{"reset":1}')
    client.send(configured(max_alternatives=1))
    await replies_to(client, pcm16(speak("again")))
    assert (await end(client))["alternatives"][0]["text"] == "again"


class TestLongMessages:
    """Several utterances that end in one message are one result, as Vosk's recogniser has it."""

    AUDIO = pcm16(np.concatenate([TWO_UTTERANCES, silence(2.0)]))

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_message_kb": 1024})

    async def test_their_words_are_joined(self, client: Client) -> None:
        client.send(CONFIG)
        result = await reply_to(client, self.AUDIO)
        assert result["text"] == "hello world good bye"
        assert len(result["result"]) == 4
        assert await end(client) == {"text": ""}

    async def test_their_alternatives_are_ranked_together(self, client: Client) -> None:
        client.send(configured(max_alternatives=4, words=0))
        alternatives = (await reply_to(client, self.AUDIO))["alternatives"]
        assert alternatives[0]["text"] == "hello world good bye"
        assert len({alternative["text"] for alternative in alternatives}) == 4
        assert all("result" not in alternative for alternative in alternatives)
