"""The whole process: how it starts and how it stops."""

import asyncio
import logging
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from service import app
from service.settings import Settings

PROGRAM = """
import gc
import sys
from contextlib import asynccontextmanager
from service import app
from service.engine.recognizer import run_recognizer
from service.settings import Settings
from tests.fakes import FakeAcousticModel, fake_bundle

@asynccontextmanager
async def running_recognizer(folder, options, meanwhile):
    meanwhile()
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        yield recognizer
        print("frozen" if gc.get_freeze_count() else "collected", flush=True)
        print("collecting" if gc.isenabled() else "littering", flush=True)
    print("released", flush=True)

app.running_recognizer = running_recognizer
app.run(Settings(port=0, vosk_port=int(sys.argv[1]), shutdown_timeout_s=1))
print("ended", flush=True)
"""


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@pytest.fixture
def process() -> Iterator[subprocess.Popen[str]]:
    environ = {name: value for name, value in os.environ.items() if "LONGWAVE" not in name}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(free_port())],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environ,
    ) as process:
        yield process
        process.kill()


def log_of_start(process: subprocess.Popen[str]) -> str:
    """The log up to where it listens on all its ports."""
    assert process.stderr is not None
    log = ""
    while not re.search(r"ws://127\.0\.0\.1:\d+ for clients of Vosk", log):
        line = process.stderr.readline()
        assert line, log
        log += line
    return log


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(process: subprocess.Popen[str], number: signal.Signals) -> None:
    log = log_of_start(process)
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert (out.split(), process.returncode) == (["frozen", "collecting", "released", "ended"], 0)
    assert re.search(r"http://127\.0\.0\.1:\d+", log)
    assert "INFO service.app: model fake runs on CPUExecutionProvider" in log


async def test_a_slow_start_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    @asynccontextmanager
    async def running_recognizer(*_: Any) -> AsyncIterator[None]:
        await asyncio.sleep(0.1)
        yield

    monkeypatch.setattr(app, "running_recognizer", running_recognizer)
    monkeypatch.setattr(app, "_SLOW_START_S", 0.01)
    with caplog.at_level(logging.INFO), pytest.raises(AttributeError):  # there is no recognizer
        await app.serve(Settings())
    assert "compiles the search, once" in caplog.text


def test_a_request_that_takes_too_long_ends_before_the_service(
    process: subprocess.Popen[str],
) -> None:
    address = re.search(r"http://([\d.]+):(\d+)", log_of_start(process))
    assert address is not None
    with socket.create_connection((address[1], int(address[2])), 20) as client:
        client.sendall(b"POST /transcribe HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n")
        client.sendall(b"Content-Length: 2000\r\n\r\n")
        assert client.recv(1000).startswith(b"HTTP/1.1 100 ")
        process.send_signal(signal.SIGTERM)
        out, log = process.communicate(timeout=20)
        assert client.recv(1000).startswith(b"HTTP/1.1 503 ")
    assert (out.split()[-2:], process.returncode) == (["released", "ended"], 0)
    assert log.index('"POST /transcribe HTTP/1.1" 503') < log.index("Finished server process")
    assert "Traceback" not in log
