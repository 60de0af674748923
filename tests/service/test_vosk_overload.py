"""`WS /vosk` where the engine takes no more streams: who is in stays in, and loses nothing."""

from typing import NoReturn

import pytest

from service.engine.errors import Overloaded
from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer
from tests.fakes import speak
from tests.service.test_vosk import CONFIG, client, end, replies_to, reply_to
from tests.service.websocket_driver import Client, pcm16

__all__ = ["client"]


async def say_mine(client: Client) -> None:
    client.send(CONFIG)
    await replies_to(client, pcm16(speak("mine")))


def refuse(*_: object) -> NoReturn:
    raise Overloaded("live streams are late", 1.0)


async def test_a_full_service_keeps_a_client_that_resets(
    client: Client, recognizer: Recognizer
) -> None:
    await say_mine(client)
    streams = [recognizer.stream(RecognitionOptions(), Priority.LIVE) for _ in range(3)]
    assert (await reply_to(client, '{"reset":1}'))["text"] == "mine"
    assert "partial" in await reply_to(client, b"")
    for stream in streams:
        stream.close()


async def test_the_last_result_needs_no_place(
    client: Client, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say_mine(client)
    monkeypatch.setattr(recognizer, "stream", refuse)
    assert (await end(client))["text"] == "mine"


async def test_a_result_is_told_also_where_what_may_follow_is_configured_wrongly(
    client: Client,
) -> None:
    await say_mine(client)
    client.send('{"config": {"sample_rate": 1}}')
    assert (await reply_to(client, '{"reset":1}'))["text"] == "mine"
    client.send(bytes(2))
    assert (await client.message())["code"] == 1003


async def test_a_result_is_told_also_where_nothing_may_follow_it(
    client: Client, recognizer: Recognizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    await say_mine(client)
    monkeypatch.setattr(recognizer, "stream", refuse)
    assert (await reply_to(client, '{"reset":1}'))["text"] == "mine"
    monkeypatch.undo()
    await replies_to(client, pcm16(speak("again")))
    assert (await end(client))["text"] == "again"
