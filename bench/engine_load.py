"""The engine without HTTP: files and paced streams in this process."""

import asyncio
import itertools
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.measures import Load, Row, Usage, row
from service.engine.bundle import Bundle
from service.engine.options import NO_DELAY_LIMIT_MS, Priority, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import Recognizer, running_recognizer, transcribe
from service.engine.stream import Stream

Waveforms = Sequence[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class EngineLoad:
    """What the engine is given to do."""

    num_clients: int
    duration_s: float
    decoder: str = "greedy"
    session_s: float = 6.0  # of a stream


def measure_files(
    folder: Path, runtime: RuntimeOptions, waveforms: Waveforms, load: EngineLoad
) -> Row:
    """Throughput of `num_clients` files at a time, decoded already."""
    return asyncio.run(_measured("engine, files", folder, runtime, _files(waveforms, load)))


def measure_streams(
    folder: Path, runtime: RuntimeOptions, waveforms: Waveforms, load: EngineLoad
) -> Row:
    """Latency of `num_clients` streams at the pace of speech."""
    return asyncio.run(_measured("engine, streams", folder, runtime, _streams(waveforms, load)))


@dataclass(frozen=True, slots=True)
class _Work:
    num_clients: int
    run: Callable[[Recognizer], Awaitable[Load]]


async def _measured(name: str, folder: Path, runtime: RuntimeOptions, work: _Work) -> Row:
    # All of the load is admitted: what a slow machine makes of it is to be measured, too.
    max_streams = max(runtime.max_streams, work.num_clients)
    admitting = replace(runtime, max_streams=max_streams, max_delay_ms=NO_DELAY_LIMIT_MS)
    async with running_recognizer(folder, admitting) as recognizer:
        cpu_s = time.process_time()
        load = await work.run(recognizer)
        return row(name, work.num_clients, load, Usage(time.process_time() - cpu_s, 0))


def _files(waveforms: Waveforms, load: EngineLoad) -> _Work:
    async def run(recognizer: Recognizer) -> Load:
        started_s, queue, heard = time.perf_counter(), itertools.cycle(waveforms), [0.0]

        async def client() -> None:
            options = RecognitionOptions(decoder=load.decoder)
            while time.perf_counter() - started_s < load.duration_s:
                transcript = await transcribe(recognizer, _at_once(next(queue)), options)
                heard.append(transcript.duration_s)

        await asyncio.gather(*(client() for _ in range(load.num_clients)))
        return Load(sum(heard), len(heard) - 1, time.perf_counter() - started_s)

    return _Work(load.num_clients, run)


async def _at_once(waveform: NDArray[np.float32]) -> AsyncIterator[NDArray[np.float32]]:
    yield waveform


def _streams(waveforms: Waveforms, load: EngineLoad) -> _Work:
    async def run(recognizer: Recognizer) -> Load:
        started_s = time.perf_counter()
        heard: list[tuple[float, float]] = []  # seconds of audio, final latency

        async def client(number: int) -> None:
            rng, options = random.Random(number), RecognitionOptions(decoder=load.decoder)
            await asyncio.sleep(rng.uniform(0, min(load.session_s, load.duration_s) / 2))
            while time.perf_counter() - started_s < load.duration_s:
                waveform = rng.choice(waveforms)
                with recognizer.stream(options, Priority.LIVE) as stream:
                    final_s = await _speak(stream, waveform, recognizer.bundle)
                heard.append((stream.duration_s, final_s))

        await asyncio.gather(*(client(number) for number in range(load.num_clients)))
        audio_s, finals_s = sum(audio for audio, _ in heard), tuple(final for _, final in heard)
        wall_s = time.perf_counter() - started_s
        return Load(audio_s, len(heard), wall_s, finals_s=finals_s)

    return _Work(load.num_clients, run)


async def _speak(stream: Stream, waveform: NDArray[np.float32], bundle: Bundle) -> float:
    """Give a stream one live chunk at a time, at the pace of speech; the final's latency."""
    samples = bundle.samples_per_live_chunk
    started_s = time.perf_counter()
    for start in range(0, len(waveform), samples):
        piece = waveform[start : start + samples]
        due_s = started_s + (start + len(piece)) / bundle.framing.sample_rate
        await asyncio.sleep(max(0.0, due_s - time.perf_counter()))
        await stream.accept(piece)
    await stream.finish()
    return time.perf_counter() - due_s
