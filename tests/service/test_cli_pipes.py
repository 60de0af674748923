"""Pipes on the command line: some stay open, some have a name, some are closed."""

import io
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from subprocess import PIPE, Popen
from threading import Thread

import pytest

from service import cli, cli_stream
from tests.service.test_cli import Runs, runs, wav
from tests.service.test_cli_stream import SPEECH
from tests.service.websocket_driver import pcm16

__all__ = ["runs"]

INTERRUPTED = 130
AT_MOST_S = 20.0  # that a process may take to end; without a cause it waits for ever
MORE_THAN_A_PIPE_HOLDS = bytes(256 * 1024)  # so that it is being read once all is written
COMMAND = """
import sys
from service import cli, cli_stream, cli_transcribe
from tests.service.test_cli import Runs

cli_stream.running_recognizer = cli_transcribe.running_recognizer = Runs().running_recognizer
sys.exit(cli.main(sys.argv[1:]))
"""


def started(*arguments: str) -> Popen[bytes]:
    """`longwave` with a model that hears what it is told, in a process with pipes around it."""
    return Popen([sys.executable, "-c", COMMAND, *arguments], stdin=PIPE, stdout=PIPE, stderr=PIPE)


def test_an_interrupt_ends_a_stream_whose_pipe_stays_open() -> None:
    with started("stream", "-") as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(pcm16(SPEECH))
        process.stdin.flush()
        assert process.stdout.readline() == b"hello world\n"
        process.send_signal(signal.SIGINT)
        assert process.wait(AT_MOST_S) == 0
        assert process.stdout.read().startswith(b"good")


def test_an_interrupt_ends_what_waits_for_the_rest_of_a_file() -> None:
    with started("transcribe", "-") as process:
        assert process.stdin is not None
        process.stdin.write(MORE_THAN_A_PIPE_HOLDS)
        process.stdin.flush()
        process.send_signal(signal.SIGINT)
        assert process.wait(AT_MOST_S) == INTERRUPTED


@pytest.mark.usefixtures("runs")
def test_a_dash_is_standard_input(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe = io.BufferedReader(io.BytesIO(wav("from a pipe")))
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(pipe))
    assert cli.main(["transcribe", "-"]) == 0
    assert capsys.readouterr().out == "from a pipe\n"


@pytest.fixture
def named_pipe(tmp_path: Path) -> Iterator[str]:
    """A file that is a pipe, as of a shell's `<(…)`; somebody says "hello" through it."""
    path = tmp_path / "pipe"
    os.mkfifo(path)
    writer = Thread(target=path.write_bytes, args=[wav("hello")])
    writer.start()
    yield str(path)
    writer.join()


@pytest.mark.parametrize("command", [["transcribe"], ["stream", "--fast"]])
def test_a_pipe_that_has_a_name_is_a_file_like_others(
    named_pipe: str,
    command: list[str],
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli_stream, "running_recognizer", runs.running_recognizer)
    assert cli.main([*command, named_pipe]) == 0
    assert capsys.readouterr().out == "hello\n"


@pytest.mark.parametrize("command", ["transcribe", "stream"])
def test_a_standard_input_that_is_closed_is_told(
    command: str,
    runs: Runs,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(cli_stream, "running_recognizer", runs.running_recognizer)
    monkeypatch.setattr(sys, "stdin", None)
    assert cli.main([command, "-"]) == 1
    assert capsys.readouterr().err == "longwave: -: The standard input is closed\n"
