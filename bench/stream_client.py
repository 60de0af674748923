"""A microphone over a WebSocket: audio at the pace of speech, and how late its text comes."""

import asyncio
import json
import math
import time
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
        SocketFailed, OSError, EOFError, TimeoutError: the connection failed or nothing came.
    """
    async with asyncio.timeout(_TIMEOUT_S + len(audio) / microphone.bytes_per_s):
        async with opened(microphone.port, "/stream") as socket:
            await socket.send(json.dumps(microphone.start))
            _event(await socket.receive())
            conversation = _Conversation(microphone, socket)
            listening = asyncio.create_task(conversation.listen())
            try:
                await conversation.send(audio)
                await listening
            finally:
                listening.cancel()
            return conversation.heard


def _event(message: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(message)
    if event["type"] == "error":
        raise StreamRefused(f"{event['code']}: {event['message']}")
    return event


class _Conversation:
    """Both directions of one stream."""

    def __init__(self, microphone: Microphone, socket: Socket) -> None:
        self._microphone = microphone
        self._socket = socket
        self._chunk_sent_s = math.nan  # when the newest complete chunk was sent
        self._ended_s = math.inf  # when the last audio was sent
        self.heard = Heard()

    async def send(self, audio: bytes) -> None:
        """Each piece when its last sample would have been spoken."""
        piece_s = self._microphone.piece_ms / 1000
        piece = round(piece_s * self._microphone.bytes_per_s) // 2 * 2
        started_s, num_chunks = time.perf_counter(), 0
        for start in range(0, len(audio), piece):
            end = min(start + piece, len(audio))
            if self._microphone.is_paced:
                await self._wait_until(started_s + end / self._microphone.bytes_per_s)
            chunks = int(end / self._microphone.bytes_per_s / self._microphone.chunk_s)
            if chunks > num_chunks:
                num_chunks, self._chunk_sent_s = chunks, time.perf_counter()
            await self._socket.send(audio[start:end])
        self._ended_s = time.perf_counter()
        await self._socket.send('{"type": "finish"}')

    async def _wait_until(self, due_s: float) -> None:
        if (wait_s := due_s - time.perf_counter()) > 0:
            await asyncio.sleep(wait_s)
        self.heard.lags_s.append(max(0.0, time.perf_counter() - due_s))

    async def listen(self) -> None:
        """Until the server is done."""
        while True:
            event, now_s = _event(await self._socket.receive()), time.perf_counter()
            if event["type"] == "partial" and not math.isnan(self._chunk_sent_s):
                self.heard.partials_s.append(now_s - self._chunk_sent_s)
            elif event["type"] in ("final", "done"):
                self._note_final(now_s)
            if event["type"] == "done":
                return

    def _note_final(self, now_s: float) -> None:
        """The first text after the last audio; `done` where an endpoint gave all text before."""
        if now_s > self._ended_s and math.isnan(self.heard.final_s):
            self.heard.final_s = now_s - self._ended_s
