"""The processes of a benchmark: servers that are measured, and generators that load them."""

import itertools
import json
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from typing import Final

import psutil

from bench.generator import Order
from bench.measures import Load, Usage

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 20.0
_POLL_S: Final = 0.02
_SAMPLE_S: Final = 0.1
_STREAMS_PER_GENERATOR: Final = 500
_FILES_PER_GENERATOR: Final = 64
_GRACE_S: Final = 90.0  # that a generator gets beyond its order's duration


class ServerFailed(Exception):
    """A server ended or did not become ready."""


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


class Server:
    """A server process that is being measured, its children included."""

    def __init__(self, process: "subprocess.Popen[bytes]", port: int, cold_start_s: float) -> None:
        self.port = port
        self.cold_start_s = cold_start_s
        self._process = psutil.Process(process.pid)

    def rss_bytes(self) -> int:
        """Resident memory now."""
        return sum(process.memory_info().rss for process in self._all())

    def cpu_s(self) -> float:
        """CPU time so far."""
        times = [process.cpu_times() for process in self._all()]
        return float(sum(time.user + time.system for time in times))

    @contextmanager
    def watched(self) -> Iterator[list[Usage]]:
        """Measure while the block runs; the list holds the usage after it."""
        over, peaks, usages = threading.Event(), [self.rss_bytes()], list[Usage]()

        def sample() -> None:
            while not over.wait(_SAMPLE_S):
                peaks.append(self.rss_bytes())

        sampler, cpu_s = threading.Thread(target=sample, daemon=True), self.cpu_s()
        sampler.start()
        try:
            yield usages
        finally:
            over.set()
            sampler.join()
            usages.append(Usage(self.cpu_s() - cpu_s, max(peaks)))

    def _all(self) -> list[psutil.Process]:
        return [self._process, *self._process.children(recursive=True)]


@contextmanager
def running_server(
    command: Sequence[str], port: int, ready_path: str, log: Path
) -> Iterator[Server]:
    """Run a server until the block ends.

    Args:
        command: what starts it on `port`.
        ready_path: answers 200 once it takes work.
        log: its output goes there.

    Raises:
        ServerFailed: it ended or did not become ready in time.
    """
    with ExitStack() as stack:
        output = stack.enter_context(log.open("wb"))
        started_s = time.perf_counter()
        process = stack.enter_context(subprocess.Popen(command, stdout=output, stderr=output))
        stack.callback(_stop, process)
        _wait_until_ready(process, f"http://127.0.0.1:{port}{ready_path}", log)
        yield Server(process, port, time.perf_counter() - started_s)


def generate(order: Order) -> Load:
    """Make a load with as many processes as it takes not to be the bottleneck.

    Raises:
        subprocess.SubprocessError: a generator failed or did not end.
    """
    per_process = _STREAMS_PER_GENERATOR if order.kind == "streams" else _FILES_PER_GENERATOR
    num_processes = -(-order.num_clients // per_process)
    bounds = [order.num_clients * i // num_processes for i in range(num_processes + 1)]
    orders = [
        replace(order, num_clients=end - start, first_client=start)
        for start, end in itertools.pairwise(bounds)
    ]
    with ExitStack() as stack:
        generators = [stack.enter_context(_started(each)) for each in orders]
        timeout_s = order.duration_s + order.session_s * 2 + _GRACE_S
        return Load.together(_finished(generator, timeout_s) for generator in generators)


@contextmanager
def _started(order: Order) -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-m", "bench.generator"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        process.stdin.write(json.dumps(asdict(order)))
        process.stdin.close()
        process.stdin = None  # so that `communicate` leaves it alone
        try:
            yield process
        finally:
            process.kill()


def _finished(process: "subprocess.Popen[str]", timeout_s: float) -> Load:
    output, _ = process.communicate(timeout=timeout_s)
    if process.returncode:
        raise subprocess.SubprocessError(f"a load generator ended with {process.returncode}")
    fields = json.loads(output)
    lists = {name: tuple(value) for name, value in fields.items() if isinstance(value, list)}
    return Load(**{**fields, **lists})


def _wait_until_ready(process: "subprocess.Popen[bytes]", url: str, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    deadline_s = time.perf_counter() + _START_TIMEOUT_S
    while time.perf_counter() < deadline_s:
        if process.poll() is not None:
            raise ServerFailed(f"{_last_line(log)} (exit code {process.returncode})")
        try:
            with direct.open(url, timeout=1.0):
                return
        except OSError:
            time.sleep(_POLL_S)
    raise ServerFailed(f"not ready after {_START_TIMEOUT_S:g} s: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    return lines[-1] if lines else "it said nothing"


def _stop(process: "subprocess.Popen[bytes]") -> None:
    children = (
        psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []
    )
    process.terminate()
    try:
        process.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        process.kill()
    for child in children:  # a peer may leave its workers behind
        if child.is_running():
            child.kill()
