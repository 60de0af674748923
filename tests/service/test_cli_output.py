"""A standard output that takes no more: its reader has gone, or the disk is full."""

import json
import os
import sys
from pathlib import Path

import pytest

from service import cli, cli_stream
from tests.service.test_cli import Runs, runs, write

__all__ = ["runs"]

READER_GONE = 141


def run_into_a_broken_pipe(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of a command whose standard output nobody reads."""
    read_end, write_end = os.pipe()
    os.close(read_end)
    with os.fdopen(write_end, "w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        return cli.main(arguments)


@pytest.mark.usefixtures("runs")
def test_a_reader_that_has_gone_ends_it_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = write(tmp_path, a="hello", b="good bye")
    assert run_into_a_broken_pipe(monkeypatch, "transcribe", *paths) == READER_GONE
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("runs")
def test_it_does_so_where_only_errors_are_to_be_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["transcribe", "--format", "json", "missing.wav"]
    assert run_into_a_broken_pipe(monkeypatch, *arguments) == READER_GONE
    assert capsys.readouterr().err == "longwave: missing.wav: No such file or directory\n"


def test_a_stream_ends_quietly_too(
    tmp_path: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli_stream, "running_recognizer", runs.running_recognizer)
    paths = write(tmp_path, a="hello")
    assert run_into_a_broken_pipe(monkeypatch, "stream", "--fast", *paths) == READER_GONE
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("runs")
def test_a_full_disk_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with Path("/dev/full").open("w") as output:
        monkeypatch.setattr(sys, "stdout", output)
        assert cli.main(["transcribe", *write(tmp_path, a="hello", b="good bye")]) == 1
    assert capsys.readouterr().err == (
        "longwave: the standard output cannot be written: No space left on device\n"
    )


@pytest.mark.usefixtures("runs")
def test_a_name_that_is_no_text_is_escaped(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = os.fsdecode(b"caf\xe9")  # as a Latin-1 system wrote it
    paths = write(tmp_path, **{name: "hello", "b": "good bye"})
    assert cli.main(["transcribe", *paths]) == 0
    assert capsys.readouterr().out == (
        f"{tmp_path}/caf\\udce9.wav: hello\n{tmp_path}/b.wav: good bye\n"
    )
    assert cli.main(["transcribe", "--format", "json", *paths]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert (first["path"], first["text"]) == (paths[0], "hello")
