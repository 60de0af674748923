"""Clients of `WS /stream` that know the protocol and do not keep to it, for as long as you like.

    .venv/bin/longwave serve &
    .venv/bin/python scripts/fuzz_stream.py --seconds 3600

Every connection sends a few messages, some right, some nearly right, some nonsense, and then
finishes, vanishes or stops reading. The service must never answer with a fault of its own, and must
serve a good client at the end. The exit code says whether it did; a seed repeats a run's messages.
"""

import argparse
import asyncio
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import websockets
from websockets.asyncio.client import ClientConnection, connect

NUM_CLIENTS = 4
PATIENCE_S = 10.0
INTERNAL_ERROR = 1011
MAX_MESSAGES = 12
MAX_BINARY_BYTES = 70_000

_NUMBERS = [0, 1, -1, 2, 0.5, 1e308, -1e308, 2**63, 10**30, 16000, 8000, 48000, True, False]
_TEXTS = ["", "a", "beam", "greedy", "pcm_s16le", "pcm_f32le", "mulaw", "alaw", "\0", "\ud800", "é"]
_OTHERS: list[Any] = [
    None,
    [],
    {},
    [[]],
    ["a:1"],
    ["a", {"phrase": "b"}],
    [{"phrase": 1}],
    {"type": "start"},
]
_FIELDS = [
    "type", "sample_rate", "encoding", "interim_results", "decoder", "beam_width", "nbest",
    "lm_weight", "word_bonus", "boost", "silence_s", "max_utterance_s", "numerals", "unknown",
]  # fmt: skip
_NONSENSE = [
    "", "{", "[]", "null", "NaN", "[" * 100_000, '{"type": 1}', '{"type": "start"', "\0", "é" * 99,
    '{"type": "start", "sample_rate": 1e999}', "9" * 5000, '{"type": "start"}', '"start"',
]  # fmt: skip

START = {"type": "start", "sample_rate": 16000}


class Fault(Exception):
    """The service did what it never may."""


def random_messages(chance: random.Random) -> list[str | bytes]:
    """What one client sends."""
    kinds: list[Callable[[random.Random], str | bytes]] = [_start, _audio, _control, _nonsense]
    first = [json.dumps(START)] if chance.random() < 0.7 else []
    others = chance.choices(kinds, weights=[1, 8, 4, 1], k=chance.randrange(MAX_MESSAGES))
    return [*first, *(kind(chance) for kind in others)]


def _start(chance: random.Random) -> str:
    fields: dict[str, Any] = dict(START)
    for name in chance.sample(_FIELDS, chance.randrange(4)):
        fields[name] = chance.choice([*_NUMBERS, *_TEXTS, *_OTHERS])
    return json.dumps(fields)


def _audio(chance: random.Random) -> bytes:
    length = chance.choice([0, 1, 2, 3, 640, 6400, chance.randrange(MAX_BINARY_BYTES)])
    return chance.choice([bytes(length), chance.randbytes(length)])


def _control(chance: random.Random) -> str:
    kind = chance.choice(["finalize", "finalize", "keepalive", "keepalive", "finish", "stop"])
    fields = {"type": kind, **({"extra": 1} if chance.random() < 0.05 else {})}
    return json.dumps(fields)


def _nonsense(chance: random.Random) -> str:
    return chance.choice(_NONSENSE)


async def fuzz(url: str, seconds: float, seed: int) -> Counter[str]:
    """Fuzz the service at `url` for a while.

    Returns:
        How often each kind of event or end was seen.

    Raises:
        Fault: the service answered with an internal error, hung, or serves good clients no more.
    """
    ends_at_s = time.monotonic() + seconds
    seen: Counter[str] = Counter()

    async def client(number: int) -> None:
        chance = random.Random(f"{seed} {number}")
        while time.monotonic() < ends_at_s:
            await _connection(url, chance, seen)

    await asyncio.gather(*(client(number) for number in range(NUM_CLIENTS)))
    await _require_health(url)
    return seen


async def _connection(url: str, chance: random.Random, seen: Counter[str]) -> None:
    messages = random_messages(chance)
    async with _connected(url) as socket:
        try:
            for message in messages:
                await socket.send(message)
            if chance.random() < 0.3:
                socket.transport.abort()
                seen["aborted"] += 1
                return
            await socket.send(json.dumps({"type": "finish"}))
        except websockets.ConnectionClosed:
            pass  # an early mistake has ended it; what was said about that is still to be read
        await _read(socket, messages, seen)


async def _read(socket: ClientConnection, messages: list[str | bytes], seen: Counter[str]) -> None:
    try:
        async with asyncio.timeout(PATIENCE_S):
            async for text in socket:
                event = json.loads(text)
                seen[event.get("code", event["type"])] += 1
                if event.get("code") == "internal_error":
                    raise Fault(f"an internal error after {messages!r:.2000}")
    except TimeoutError:
        raise Fault(f"no end after {messages!r:.2000}") from None
    except websockets.ConnectionClosedError:
        pass
    if socket.close_code == INTERNAL_ERROR:
        raise Fault(f"closed with {INTERNAL_ERROR} after {messages!r:.2000}")
    seen[f"closed {socket.close_code}"] += 1


async def _require_health(url: str) -> None:
    """A good client is served as ever."""
    async with asyncio.timeout(PATIENCE_S), _connected(url) as socket:
        for message in (json.dumps(START), bytes(32_000), json.dumps({"type": "finish"})):
            await socket.send(message)
        kinds = [json.loads(text)["type"] async for text in socket]
    if (kinds[0], kinds[-1]) != ("ready", "done"):
        raise Fault(f"a good client is answered {kinds}")


def _connected(url: str) -> connect:
    return connect(url, proxy=None, compression=None, open_timeout=PATIENCE_S)


def main() -> int:
    parser = argparse.ArgumentParser(description="Fuzz the WebSocket of a running service.")
    parser.add_argument("--url", default="ws://127.0.0.1:8000/stream")
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=time.time_ns())
    arguments = parser.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    try:
        seen = asyncio.run(fuzz(arguments.url, arguments.seconds, arguments.seed))
    except Fault as fault:
        print(fault, file=sys.stderr)
        return 1
    for kind, count in seen.most_common():
        print(f"{count:8} {kind}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
