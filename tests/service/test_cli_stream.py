"""`longwave stream`: live audio on the command line."""

import io
import os
import signal
import sys
from pathlib import Path
from threading import Event
from types import ModuleType

import numpy as np
import pytest

from service import cli, cli_stream
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, silence, speak
from tests.service.test_cli import Runs
from tests.service.websocket_driver import pcm16

SPEECH = np.concatenate([speak("hello world"), silence(1.5), speak("good bye")])
SAID = "hello world\ngood bye\n"


@pytest.fixture(autouse=True)
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr(cli_stream, "running_recognizer", runs.running_recognizer)
    return runs


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "speech.wav"
    path.write_bytes(encode_soundfile(SPEECH, FRAMING.sample_rate))
    return path


def pipe(monkeypatch: pytest.MonkeyPatch, audio: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BufferedReader(io.BytesIO(audio))))


def test_a_pipe_of_raw_audio(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, pcm16(SPEECH))
    assert cli.main(["stream", "-"]) == 0
    assert capsys.readouterr().out == SAID


def test_a_pipe_says_its_encoding_and_rate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, np.repeat(SPEECH, 2).astype("<f4").tobytes())
    flags = ["--encoding", "pcm_f32le", "--sample-rate", "32000"]
    assert cli.main(["stream", *flags, "-"]) == 0
    assert capsys.readouterr().out == SAID


def test_a_file_is_played(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stream", "--fast", str(recording)]) == 0
    assert capsys.readouterr().out == SAID


def test_a_file_is_played_no_faster_than_it_was_spoken(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "short.wav"
    path.write_bytes(encode_soundfile(speak("hello"), FRAMING.sample_rate))
    waits: list[float] = []

    async def sleep(delay_s: float) -> None:
        waits.append(delay_s)

    monkeypatch.setattr("service.cli_sources.asyncio.sleep", sleep)
    assert cli.main(["stream", str(path)]) == 0
    assert capsys.readouterr().out == "hello\n"
    assert len(waits) == 4  # 0.4 s in tenths
    assert max(waits) > 0.2


def test_decoding_options_are_flags(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    flags = ["--fast", "--silence-s", "60", "--nbest", "2", "--boost", "hello:2"]
    assert cli.main(["stream", *flags, str(recording)]) == 0
    assert capsys.readouterr().out == "hello worldgood bye\n"


def test_a_wrong_option_is_wrong_usage(recording: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stream", "--silence-s", "0", str(recording)]) == 2
    assert "silence_s is 0" in capsys.readouterr().err


def test_a_missing_file_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["stream", "nowhere.wav"]) == 1
    assert capsys.readouterr().err == "longwave: nowhere.wav: No such file or directory\n"


def test_a_pipe_that_ends_inside_a_sample_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, pcm16(SPEECH) + b"\0")
    assert cli.main(["stream", "-"]) == 1
    assert "1 of the 2 bytes" in capsys.readouterr().err


def test_a_pipe_with_a_header_is_told_how_to_do_without(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pipe(monkeypatch, encode_soundfile(SPEECH, 16000))
    assert cli.main(["stream", "-"]) == 1
    assert "arecord -t raw" in capsys.readouterr().err


class Device:
    """A microphone that hears what it is told, and then the user's interrupt."""

    def __init__(self, **_: object) -> None:
        self._audio = pcm16(SPEECH)
        self._closed = Event()

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def read(self, num_frames: int) -> tuple[bytes, bool]:
        piece, self._audio = self._audio[: 2 * num_frames], self._audio[2 * num_frames :]
        if not piece:
            os.kill(os.getpid(), signal.SIGINT)
            self._closed.wait()  # as a device does that has no sound for us
        return piece, False


def sound_card(monkeypatch: pytest.MonkeyPatch, device: type) -> None:
    module = ModuleType("sounddevice")
    module.PortAudioError = ValueError  # type: ignore[attr-defined]
    module.RawInputStream = device  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "sounddevice", module)


def test_an_interrupt_ends_the_microphone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sound_card(monkeypatch, Device)
    assert cli.main(["stream"]) == 0
    assert capsys.readouterr().out.startswith("hello world\n")


def test_a_microphone_that_does_not_work_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Broken(Device):
        def __init__(self, **_: object) -> None:
            raise ValueError("no default input")

    sound_card(monkeypatch, Broken)
    assert cli.main(["stream"]) == 1
    assert "does not work: no default input" in capsys.readouterr().err


def test_without_sounddevice_the_remedy_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sounddevice", None)
    assert cli.main(["stream"]) == 1
    assert "pip install sounddevice" in capsys.readouterr().err


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_shows_finals_and_what_is_being_said(
    recording: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screen = Terminal()
    monkeypatch.setattr(sys, "stdout", screen)
    monkeypatch.setenv("TERM", "xterm")
    assert cli.main(["stream", "--fast", str(recording)]) == 0
    shown = screen.getvalue()
    assert shown.index("hello") < shown.index("hello world") < shown.index("good bye")
    assert "\x1b[2K" in shown, "what is being said is drawn over"
