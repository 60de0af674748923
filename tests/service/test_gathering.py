"""Pieces of audio that are kept until they are worth waking somebody up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
import uvicorn
import websockets
from hypothesis import given
from hypothesis import strategies as st
from starlette.types import Message, Receive, Scope, Send
from starlette.websockets import WebSocket

from service.api.errors import ClientIdle
from service.api.gathering import Gathering, GatheringProtocol, gathering_of
from service.api.socket_io import Inbox
from tests.service.live_server import live

WANTED = 100


@given(
    messages=st.lists(st.binary(max_size=30), max_size=30),
    wanted=st.lists(st.integers(0, 50), min_size=1, max_size=5),
)
def test_nothing_is_lost_or_late(messages: list[bytes], wanted: list[int]) -> None:
    passed_on: list[bytes] = []
    gathering, most_wanted = Gathering(passed_on.append), 0
    for number, message in enumerate(messages):
        enough = wanted[number % len(wanted)]
        most_wanted = max(most_wanted, enough)
        num_before = len(passed_on)
        gathering.want(enough)
        gathering.add(message)
        due = passed_on[num_before:]
        assert all(each == message or len(each) < 2 * most_wanted for each in due)
        kept = b"".join(messages[: number + 1])[len(b"".join(passed_on)) :]
        assert len(kept) < max(enough, 1)
    assert b"".join(passed_on) + gathering.release() == b"".join(messages)
    assert gathering.release() == b""


def test_messages_without_a_byte_are_not_kept_for_ever() -> None:
    passed_on: list[bytes] = []
    gathering = Gathering(passed_on.append)
    gathering.want(WANTED)
    for _ in range(3000):
        gathering.add(b"")
    assert passed_on == [b"", b""]


class Application:
    """Wants `WANTED` bytes at a time, and takes down what it is given."""

    def __init__(self) -> None:
        self.given: list[bytes | str] = []
        self.is_over = asyncio.Event()
        self.gathering: Gathering | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.gathering = gathering_of(scope)
        assert self.gathering is not None
        self.gathering.want(WANTED)
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept"})
        while (message := await receive())["type"] == "websocket.receive":
            text = message.get("text")
            self.given.append(message["bytes"] if text is None else text)
        self.is_over.set()


@asynccontextmanager
async def connected(application: Application) -> AsyncIterator[websockets.ClientConnection]:
    """A client of a real server that gathers; on leaving, the application must end."""
    config = uvicorn.Config(
        application, port=0, ws=GatheringProtocol, lifespan="off", log_config=None
    )
    async with live(config) as server:
        async with websockets.connect(f"ws://{server.address}", proxy=None) as websocket:
            yield websocket
        await asyncio.wait_for(application.is_over.wait(), 10.0)


@pytest.mark.parametrize(
    ("sent", "given"),
    [
        ([b"a" * 30] * 7 + ["over"], [b"a" * 120, b"a" * 90, "over"]),
        ([b"a" * 30, b"b" * 100, b"c" * 30, "over"], [b"a" * 30, b"b" * 100, b"c" * 30, "over"]),
        ([b"a" * 99, "x", "y", b"b" * 99, b"c"], [b"a" * 99, "x", "y", b"b" * 99 + b"c"]),
        ([[b"a" * 30, b"b" * 80], b"c" * 30, "over"], [b"a" * 30 + b"b" * 80, b"c" * 30, "over"]),
        ([b"", b"", "over"], [b"", "over"]),
    ],
    ids=["joined", "enough by itself", "text between", "fragments", "empty"],
)
async def test_a_server_gathers(sent: list[Any], given: list[Any]) -> None:
    application = Application()
    async with connected(application) as websocket:
        for message in sent:
            await websocket.send(message)
    assert application.given == given


@pytest.mark.parametrize("whole", [b"bc", "bc"])
async def test_what_is_passed_on_within_a_message_does_not_harm_it(whole: bytes | str) -> None:
    application = Application()

    async def fragments() -> AsyncIterator[bytes | str]:
        yield whole[:1]
        await asyncio.wait_for(await websocket.ping(), 10.0)  # it has been received
        assert application.gathering is not None
        application.gathering.want(10)
        yield whole[1:]

    async with connected(application) as websocket:
        await websocket.send(b"a" * 30)
        await websocket.send(fragments())
        await websocket.send("over")
    assert application.given == [b"a" * 30, whole, "over"]


def inbox_of(gathering: Gathering, max_message_bytes: int, idle_timeout_s: float = 1.0) -> Inbox:
    """The inbox of a client from whom nothing comes any more but what is gathered."""

    async def receive() -> Message:
        await asyncio.Event().wait()
        raise AssertionError

    async def send(message: Message) -> None:
        raise AssertionError(message)

    scope = {"type": "websocket", "extensions": {"longwave.gathering": gathering}}
    return Inbox(WebSocket(scope, receive, send), max_message_bytes, idle_timeout_s)


async def test_pieces_that_are_kept_are_no_idleness() -> None:
    passed_on: list[bytes] = []
    gathering = Gathering(passed_on.append)
    inbox = inbox_of(gathering, max_message_bytes=1000, idle_timeout_s=0.05)
    inbox.want(WANTED)
    gathering.add(b"a")
    assert await inbox.receive() == b"a"
    with pytest.raises(ClientIdle):
        await inbox.receive()
    assert not passed_on


async def test_who_is_idle_is_so_from_the_last_piece_on() -> None:
    loop, gathering = asyncio.get_running_loop(), Gathering(list[bytes]().append)
    inbox = inbox_of(gathering, max_message_bytes=1000)
    inbox.want(WANTED)
    loop.call_later(0.1, gathering.add, b"a")
    began_s = loop.time()
    assert await inbox.receive() == b"a"
    with pytest.raises(ClientIdle):
        await inbox.receive()
    assert 1.09 < loop.time() - began_s < 1.9  # of 1 s


def test_what_is_joined_is_within_the_limit_of_a_message() -> None:
    passed_on: list[bytes] = []
    gathering = Gathering(passed_on.append)
    inbox_of(gathering, max_message_bytes=50).want(WANTED)
    for _ in range(20):
        gathering.add(bytes(24))
    assert len(passed_on) >= 9
    assert all(len(message) <= 50 for message in passed_on)
