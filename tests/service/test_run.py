"""The whole process: how it starts and how it stops."""

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

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
app.run(Settings(port=0, vosk_port=int(sys.argv[1])))
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


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_order(process: subprocess.Popen[str], number: signal.Signals) -> None:
    assert process.stderr is not None
    log = ""
    while not re.search(r"ws://127\.0\.0\.1:\d+ for clients of Vosk", log):
        line = process.stderr.readline()
        assert line, log
        log += line
    process.send_signal(number)
    out, _ = process.communicate(timeout=20)
    assert (out.split(), process.returncode) == (["frozen", "collecting", "released", "ended"], 0)
    assert re.search(r"http://127\.0\.0\.1:\d+", log)
    assert "INFO service.app: model fake runs on CPUExecutionProvider" in log
