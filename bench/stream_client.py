"""A microphone over a WebSocket: audio at the pace of speech, and how late its text comes."""

import asyncio
import json
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from bench.socket_client import Socket, opened

_TIMEOUT_S = 60.0


class StreamRefused(Exception):
    """The server ended the stream with an error."""


@dataclass(frozen=True, slots=True)
class Microphone:
    """What a stream is sent, and how."""

    port: int  # of the server
    start: dict[str, Any]  # the first message
    bytes_per_s: int
    piece_ms: int
    chunk_s: float  # of the model's live chunk
    is_paced: bool = True  # else as fast as the server takes it


@dataclass
class Heard:
    """The latencies of one stream, in seconds."""

    final_s: float = math.nan
    partials_s: list[float] = field(default_factory=list)
    lags_s: list[float] = field(default_factory=list)


async def speak(microphone: Microphone, audio: bytes) -> Heard:
    """One stream from its start to its end.

    A partial is timed from the last piece sent before it that completed a chunk; where the server
    is a whole chunk behind, that is too little. The final counts from the last piece.

    Raises:
        StreamRefused: the server sent an error.
        SocketFailed, OSError, TimeoutError: the connection failed or nothing came.
    """
    conversation = _Conversation(microphone, audio)
    async with asyncio.timeout(_TIMEOUT_S + len(audio) / microphone.bytes_per_s):
        async with opened(microphone.port, "/stream", conversation) as socket:
            return await conversation.hold(socket)


class _Conversation:
    """Both directions of one stream: a `Listener` that speaks."""

    def __init__(self, microphone: Microphone, audio: bytes) -> None:
        self._microphone = microphone
        self._audio = audio
        self._ends = _ends(microphone, len(audio))
        self._sent = 0  # bytes
        self._started_s = math.nan
        self._chunk_sent_s = math.nan  # when the newest complete chunk was sent
        self._ended_s = math.inf  # when the last audio was sent
        self._over = asyncio.get_running_loop().create_future()
        self._heard = Heard()

    async def hold(self, socket: Socket) -> Heard:
        """Say all of it, and listen until the server is done."""
        self._socket = socket
        socket.send(json.dumps(self._microphone.start))
        await self._over
        return self._heard

    def hear(self, message: str) -> None:
        event, now_s = json.loads(message), time.perf_counter()
        match event["type"]:
            case "ready":
                self._started_s = now_s
                self.go_on()
            case "partial" if not math.isnan(self._chunk_sent_s):
                self._heard.partials_s.append(now_s - self._chunk_sent_s)
            case "final" | "done":
                self._note_final(now_s)
            case "error":
                self.lose(StreamRefused(f"{event['code']}: {event['message']}"))
        if event["type"] == "done" and not self._over.done():
            self._over.set_result(None)

    def lose(self, error: Exception) -> None:
        if not self._over.done():
            self._over.set_exception(error)

    def go_on(self) -> None:
        """Say what is due, and come back for the next piece."""
        while not (self._over.done() or self._socket.is_full):
            end = next(self._ends, None)
            if end is None:
                return
            if self._microphone.is_paced:
                due_s = self._started_s + end / self._microphone.bytes_per_s
                delay_s = max(0.0, due_s - time.perf_counter())
                asyncio.get_running_loop().call_later(delay_s, self._say_late, end, due_s)
                return
            self._say(end)

    def _say_late(self, end: int, due_s: float) -> None:
        self._heard.lags_s.append(max(0.0, time.perf_counter() - due_s))
        self._say(end)
        self.go_on()

    def _say(self, end: int) -> None:
        """The audio up to a byte."""
        now_s, bytes_per_chunk = time.perf_counter(), self._bytes_per_chunk
        if end // bytes_per_chunk > self._sent // bytes_per_chunk:
            self._chunk_sent_s = now_s
        self._socket.send(self._audio[self._sent : end])
        self._sent = end
        if end == len(self._audio):
            self._ended_s = time.perf_counter()
            self._socket.send('{"type": "finish"}')

    @property
    def _bytes_per_chunk(self) -> float:
        return self._microphone.chunk_s * self._microphone.bytes_per_s

    def _note_final(self, now_s: float) -> None:
        """The first text after the last audio; `done` where an endpoint gave all text before."""
        if now_s > self._ended_s and math.isnan(self._heard.final_s):
            self._heard.final_s = now_s - self._ended_s


def _ends(microphone: Microphone, num_bytes: int) -> Iterator[int]:
    """Where each piece ends, in bytes. It is sent when its last sample would have been spoken."""
    piece = round(microphone.piece_ms / 1000 * microphone.bytes_per_s) // 2 * 2
    yield from range(piece, num_bytes, piece)
    yield num_bytes
