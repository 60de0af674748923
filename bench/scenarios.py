"""Loads on the service over real HTTP and WebSockets: files, streams, and both at once."""

import sys
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bench.clips import Clip, joined, save_clips
from bench.generator import Order
from bench.measures import Row, Usage, row
from bench.options import TARGET_P99_S, BenchOptions
from bench.processes import Server, free_port, generate, running_server
from service.engine.bundle import Bundle

LONE_FILE_S = 10.0
_SETTLE_S = 0.5
_CLOSE_ENOUGH = 10  # streams
_LONGER_FILES = 16
_ALL_STREAMS = 100_000
_NOT_MEASURED = Usage(0.0, 0)


@dataclass(frozen=True, slots=True)
class Bench:
    """What every scenario needs."""

    options: BenchOptions
    bundle: Bundle
    clips: list[Clip]
    clips_file: Path
    folder: Path  # for what servers say
    deadline_s: float  # on the clock of `time.perf_counter`

    @property
    def is_out_of_time(self) -> bool:
        return time.perf_counter() > self.deadline_s

    def order(self, kind: str, port: int, num_clients: int, **changes: Any) -> Order:
        """A load as the plan has it, but for `changes`."""
        plan, framing = self.options.plan, self.bundle.framing
        order = Order(
            kind=kind,
            port=port,
            clips=str(self.clips_file),
            num_clients=num_clients,
            duration_s=plan.files_s if kind == "files" else plan.level_s,
            sample_rate=framing.sample_rate,
            session_s=plan.session_s,
            piece_ms=self.options.piece_ms,
            chunk_s=self.bundle.chunk_frames.live * framing.frame_s,
        )
        return replace(order, **changes)


@contextmanager
def running_service(bench: Bench, name: str, **changes: Any) -> Iterator[Server]:
    """The service with the settings under test, in a process of its own.

    It counts no streams, so that their limit is found rather than configured: it is where the
    service begins to refuse, or where the final comes too late.

    Raises:
        ServerFailed: it does not start.
    """
    runtime, port = bench.options.runtime, free_port()
    settings = {
        "model": bench.options.model,
        "port": port,
        "vosk_port": 0,
        "provider": runtime.provider,
        "precision": runtime.precision,
        "workers": runtime.num_workers,
        "max_batch_size": runtime.max_batch_size,
        "max_batch_audio_s": runtime.max_batch_audio_s,
        "max_delay_ms": runtime.max_delay_ms,
        "max_streams": _ALL_STREAMS,
        "log_level": "warning",
        **changes,
    }
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
    command = [sys.executable, "-m", "service", "serve", *flags]
    with running_server(command, port, "/readyz", bench.folder / f"{name}.log") as server:
        yield server


def measure_load(server: Server, order: Order, scenario: str) -> Row:
    """Make one load and watch the server meanwhile."""
    time.sleep(_SETTLE_S)  # what the last load left behind
    with server.watched() as usages:
        load = generate(order)
    return row(scenario, order.num_clients, load, usages[0])


def _save_joined(bench: Bench, name: str, duration_s: float, seeds: Iterable[int]) -> str:
    """Write files of that length, made of the clips, for the processes that send them; where."""
    path = bench.folder / name
    num_samples = round(duration_s * bench.bundle.framing.sample_rate)
    save_clips([joined(bench.clips, num_samples, seed) for seed in seeds], path)
    return str(path)


def measure_service_files(bench: Bench, server: Server, decoder: str) -> list[Row]:
    """One file at a time, then many; then as many files that are longer than clips."""
    plan, path = bench.options.plan, f"/transcribe?decoder={decoder}"
    rows = [
        measure_load(
            server, bench.order("files", server.port, number, path=path), f"files, {decoder}"
        )
        for number in (1, plan.num_file_clients)
    ]
    clips = _save_joined(bench, "longer.npz", plan.file_s, range(_LONGER_FILES))
    order = bench.order("files", server.port, plan.num_file_clients, path=path, clips=clips)
    return [*rows, measure_load(server, order, f"files of {plan.file_s:g} s, {decoder}")]


def measure_lone_file(bench: Bench, server: Server) -> Row:
    """One file of `LONE_FILE_S` at a time, greedy, while nothing else runs."""
    clips = _save_joined(bench, "lone.npz", LONE_FILE_S, seeds=[1])
    path = "/transcribe?decoder=greedy"
    order = bench.order("files", server.port, 1, path=path, clips=clips)
    return measure_load(server, order, "lone file")


def search_streams(bench: Bench, server: Server, decoder: str) -> list[Row]:
    """Double the number of streams until they are not carried, then close in on the limit."""
    plan = bench.options.plan

    def level(num_streams: int) -> Row:
        order = bench.order("streams", server.port, num_streams, start={"decoder": decoder})
        return measure_load(server, order, f"streams, {decoder}")

    rows = [level(plan.first_streams)]
    while is_carried(rows[-1]) and rows[-1].num_clients < plan.most_streams:
        if bench.is_out_of_time:
            return rows
        rows.append(level(min(2 * rows[-1].num_clients, plan.most_streams)))
    if is_carried(rows[-1]):
        return rows
    carried, too_many = most_carried(rows), rows[-1].num_clients
    for _ in range(plan.num_bisections):
        if bench.is_out_of_time or too_many - carried < _CLOSE_ENOUGH:
            break
        rows.append(level((carried + too_many) // 2))
        carried = most_carried(rows)
        too_many = min(row.num_clients for row in rows if not is_carried(row))
    return rows


def is_carried(row: Row) -> bool:
    """Whether every stream of a level was answered, and in time."""
    return row.num_errors == 0 and row.final is not None and row.final.p99 < TARGET_P99_S


def most_carried(rows: Iterable[Row]) -> int:
    """The largest number of streams that was carried; 0 if none was."""
    return max((row.num_clients for row in rows if is_carried(row)), default=0)


def measure_mixed(bench: Bench, server: Server, decoder: str) -> list[Row]:
    """Streams alone, then the same streams beside one long file after another."""
    plan = bench.options.plan
    streams = bench.order("streams", server.port, plan.mixed_streams, start={"decoder": decoder})
    alone = measure_load(server, streams, f"mixed, {decoder}: streams alone")
    clips = _save_joined(bench, "long.npz", plan.long_file_s, seeds=[0])
    path = f"/transcribe?decoder={decoder}"
    files = bench.order("files", server.port, 1, path=path, clips=clips)
    files = replace(files, duration_s=plan.level_s)
    with ThreadPoolExecutor(1) as thread:
        transcribing = thread.submit(generate, files)
        beside = measure_load(server, streams, f"mixed, {decoder}: streams beside the file")
        load = transcribing.result()
    file = row(f"mixed, {decoder}: the file", 1, load, _NOT_MEASURED)
    return [alone, beside, replace(file, peak_rss_mb=None, cpu_s_per_audio_hour=None)]
