"""A short run of `scripts/fuzz_stream.py`, which goes on for as long as one likes."""

import random

import httpx

from scripts.fuzz_stream import START, fuzz, random_messages
from tests.service.live_server import LiveServer
from tests.service.requests import check_alive
from tests.service.test_live_server import http, server

__all__ = ["http", "server"]


async def test_no_message_does_harm(server: LiveServer, http: httpx.AsyncClient) -> None:
    seen = await fuzz(f"ws://{server.address}/stream", seconds=3.0, seed=1)
    assert {"ready", "invalid_message", "aborted"} < set(seen)
    assert "internal_error" not in seen
    await check_alive(http)


def test_a_seed_repeats_its_messages() -> None:
    first, again = (
        [random_messages(random.Random(7)) for _ in range(3)],
        [random_messages(random.Random(7)) for _ in range(3)],
    )
    assert first == again
    assert any(str(START["sample_rate"]) in str(messages) for messages in first)
