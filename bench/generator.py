"""A process that makes load: `python -m bench.generator`, an order on stdin, a load on stdout."""

import asyncio
import base64
import itertools
import json
import random
import resource
import signal
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from uvicorn.loops.auto import auto_loop_factory

from bench.clips import Clip, as_wav, joined, saved_clips
from bench.file_client import BadAnswer, posting
from bench.measures import Load
from bench.socket_client import SocketFailed
from bench.stream_client import Microphone, StreamRefused, speak

_FAILURES = (OSError, EOFError, TimeoutError, SocketFailed, BadAnswer, StreamRefused)


@dataclass(frozen=True, slots=True)
class Order:
    """What load to make. Durations are seconds."""

    kind: str  # files or streams
    port: int
    clips: str  # file of `save_clips`
    num_clients: int
    duration_s: float  # clients begin nothing new after it
    sample_rate: int  # Hz
    first_client: int = 0  # clients of all generators are numbered: each sends something else
    path: str = "/transcribe"
    body: str = "wav"  # or json: the file as base64 in the field `audio`
    start: dict[str, Any] | None = None  # a stream's first message
    session_s: float = 6.0
    piece_ms: int = 100
    chunk_s: float = 0.32
    is_paced: bool = True
    max_sessions: int = 1_000_000


class Tally:
    """The load as it grows. Owned by one event loop."""

    def __init__(self, order: Order, clips: list[Clip]) -> None:
        self.order = order
        self.clips = clips
        # Made before the clock starts: what a client does meanwhile is taken from the server.
        self.bodies = [_body(clip, order) for clip in clips] if order.kind == "files" else []
        self.started_s = time.perf_counter()
        self.audio_s = 0.0
        self.num_answers = 0
        self.finals_s: list[float] = []
        self.partials_s: list[float] = []
        self.lags_s: list[float] = []
        self.errors: list[str] = []

    @property
    def is_over(self) -> bool:
        return time.perf_counter() - self.started_s >= self.order.duration_s

    def load(self) -> Load:
        usage = resource.getrusage(resource.RUSAGE_SELF)
        return Load(
            audio_s=self.audio_s,
            num_answers=self.num_answers,
            wall_s=time.perf_counter() - self.started_s,
            client_cpu_s=usage.ru_utime + usage.ru_stime,
            finals_s=tuple(self.finals_s),
            partials_s=tuple(self.partials_s),
            lags_s=tuple(self.lags_s),
            errors=tuple(self.errors),
        )


async def _send_files(tally: Tally, client: int) -> None:
    order = tally.order
    async with posting(order.port, order.path) as http:
        for number in itertools.count(client, order.num_clients):
            index = number % len(tally.clips)
            clip, started_s = tally.clips[index], time.perf_counter()
            await http.post(tally.bodies[index])
            tally.finals_s.append(time.perf_counter() - started_s)
            tally.audio_s += len(clip) / order.sample_rate
            tally.num_answers += 1
            if tally.is_over:
                return


def _body(clip: Clip, order: Order) -> bytes:
    file = as_wav(clip, order.sample_rate)
    if order.body == "wav":
        return file
    return json.dumps({"audio": base64.b64encode(file).decode()}).encode()


async def _send_streams(tally: Tally, client: int) -> None:
    order, rng = tally.order, random.Random(client)
    microphone = Microphone(
        port=order.port,
        start={"type": "start", "sample_rate": order.sample_rate, **(order.start or {})},
        bytes_per_s=2 * order.sample_rate,
        piece_ms=order.piece_ms,
        chunk_s=order.chunk_s,
        is_paced=order.is_paced,
    )
    if order.is_paced:  # callers do not speak in step
        await asyncio.sleep(rng.uniform(0, min(order.session_s, order.duration_s)))
    num_sessions = 0
    while not tally.is_over and num_sessions < order.max_sessions:
        duration_s = order.session_s * rng.uniform(0.5, 1.5)
        audio = joined(tally.clips, round(duration_s * order.sample_rate), rng.randrange(2**31))
        heard = await speak(microphone, audio.astype("<i2").tobytes())
        tally.finals_s.append(heard.final_s)
        tally.partials_s += heard.partials_s
        tally.lags_s += heard.lags_s
        tally.audio_s += len(audio) / order.sample_rate
        tally.num_answers += 1
        num_sessions += 1


async def make_load(order: Order) -> Load:
    """Run all clients of an order; a client that fails is an error of the load and ends."""
    client = {"files": _send_files, "streams": _send_streams}[order.kind]
    tally = Tally(order, saved_clips(Path(order.clips)))

    async def guarded(number: int) -> None:
        try:
            await client(tally, number)
        except _FAILURES as error:
            tally.errors.append(f"{type(error).__name__}: {error}")

    first = order.first_client
    await asyncio.gather(*(guarded(first + number) for number in range(order.num_clients)))
    return tally.load()


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal tells all; who started this ends it
    order = Order(**json.loads(sys.stdin.read()))
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:  # as quick as the server's
        print(json.dumps(asdict(runner.run(make_load(order)))))


if __name__ == "__main__":
    main()
