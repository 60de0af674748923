"""The command `longwave`, with a model that hears what it is told."""

import json
import sys
from argparse import ArgumentParser, Namespace, _SubParsersAction
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import numpy as np
import pytest

from service import cli, cli_transcribe
from service.engine.errors import InvalidBundle
from service.engine.options import RecognitionOptions, RuntimeOptions
from service.engine.recognizer import Recognizer, run_recognizer
from service.settings import Settings
from service.version import service_version
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, silence, speak


class Runs:
    """What the command asked the engine for."""

    def __init__(self) -> None:
        self.folder = Path()
        self.options = RuntimeOptions()
        self.model = FakeAcousticModel()

    @asynccontextmanager
    async def running_recognizer(
        self, folder: Path, options: RuntimeOptions
    ) -> AsyncIterator[Recognizer]:
        self.folder, self.options = folder, options
        async with run_recognizer(fake_bundle(), self.model, options) as recognizer:
            yield recognizer


@pytest.fixture
def runs(monkeypatch: pytest.MonkeyPatch) -> Runs:
    runs = Runs()
    monkeypatch.setattr(cli_transcribe, "running_recognizer", runs.running_recognizer)
    for setting in ("MODEL", "PRECISION"):
        monkeypatch.delenv(f"LONGWAVE_{setting}", raising=False)
    return runs


def wav(text: str, padding_s: float = 0.0) -> bytes:
    waveform = np.concatenate([speak(text), silence(padding_s)]) if text else silence(padding_s)
    return encode_soundfile(waveform, FRAMING.sample_rate)


def write(folder: Path, **texts: str) -> list[str]:
    paths = [folder / f"{name}.wav" for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        path.write_bytes(wav(text))
    return [str(path) for path in paths]


def printed_json(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


@pytest.mark.usefixtures("runs")
def test_a_file_is_printed_as_its_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["transcribe", *write(tmp_path, a="hello world")]) == 0
    output = capsys.readouterr()
    assert output.out == "hello world\n"
    assert output.err == ""  # no progress bar where there is no terminal


@pytest.mark.usefixtures("runs")
def test_files_are_printed_in_the_order_given(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow, quick = tmp_path / "slow.wav", tmp_path / "quick.wav"
    slow.write_bytes(wav("slow", padding_s=60.0))
    quick.write_bytes(wav("quick"))
    assert cli.main(["transcribe", str(slow), str(quick), str(slow)]) == 0
    assert capsys.readouterr().out == f"{slow}: slow\n{quick}: quick\n{slow}: slow\n"


def test_files_run_in_one_batch(tmp_path: Path, runs: Runs) -> None:
    runs.model = FakeAcousticModel(latency_s=0.05)
    paths = write(tmp_path, **{f"file{i}": "a few words" for i in range(8)})
    assert cli.main(["transcribe", *paths]) == 0
    assert max(runs.model.batch_sizes) > 1


@pytest.mark.usefixtures("runs")
def test_json_is_one_line_a_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write(tmp_path, a="good day", b="bye")
    assert cli.main(["transcribe", "--format", "json", *paths]) == 0
    first, second = printed_json(capsys)
    assert set(first) == {
        "path", "text", "segments", "words", "duration", "model", "timings"
    }  # fmt: skip
    assert (first["path"], first["text"]) == (paths[0], "good day")
    assert first["duration"] == round(len(speak("good day")) / FRAMING.sample_rate, 3)
    assert [word["word"] for word in first["words"]] == ["good", "day"]
    assert set(first["words"][0]) == {"word", "start", "end", "confidence"}
    assert second["text"] == "bye"


@pytest.mark.usefixtures("runs")
def test_bad_files_do_not_stop_the_rest(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = write(tmp_path, good="still here")[0]
    page, missing, empty = tmp_path / "page.wav", tmp_path / "missing.wav", tmp_path / "empty"
    page.write_bytes(b"<html>not found</html>")
    empty.mkdir()
    bad = [str(page), str(missing), str(empty)]
    assert cli.main(["transcribe", *bad, good]) == 1
    output = capsys.readouterr()
    assert output.out == f"{good}: still here\n"
    complaints = output.err.splitlines()
    assert "page.wav: This is not audio but a web page" in complaints[0]
    assert "missing.wav: No such file" in complaints[1]
    assert "directory" in complaints[2]


@pytest.mark.usefixtures("runs")
def test_json_says_what_is_wrong_with_a_bad_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty = tmp_path / "empty.wav"
    empty.write_bytes(b"")
    assert cli.main(["transcribe", "--format", "json", str(empty)]) == 1
    (line,) = printed_json(capsys)
    assert line == {"path": str(empty), "error": "The file is empty: it has no bytes at all."}


@pytest.mark.usefixtures("runs")
def test_silence_is_an_empty_text(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "silence.wav"
    path.write_bytes(wav("", padding_s=2.0))
    assert cli.main(["transcribe", str(path)]) == 0
    assert capsys.readouterr().out == "\n"


def test_flags_choose_model_precision_and_decoder(
    tmp_path: Path, runs: Runs, asked: list[RecognitionOptions]
) -> None:
    flags = ["--model", "models/other", "--precision", "int8", "--decoder", "beam"]
    paths = write(tmp_path, a="hi")
    assert cli.main(["transcribe", *flags, "--beam-width", "4", *paths]) == 0
    assert runs.folder == Path("models/other")
    assert runs.options.precision == "int8"
    assert [(each.decoder, each.beam_width) for each in asked] == [("beam", 4)]


def test_the_environment_chooses_what_no_flag_does(
    tmp_path: Path, runs: Runs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LONGWAVE_MODEL", "models/from-environment")
    assert cli.main(["transcribe", *write(tmp_path, a="hi")]) == 0
    assert runs.folder == Path("models/from-environment")


@pytest.mark.usefixtures("runs")
def test_a_wrong_option_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = write(tmp_path, a="hi")
    assert cli.main(["transcribe", "--decoder", "beam", "--beam-width", "0", *paths]) == 2
    assert "beam_width is 0" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["transcribe", "--decoder", "guess", *paths])
    assert exit_info.value.code == 2


def test_a_missing_model_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(folder: Path, _: RuntimeOptions) -> NoReturn:
        raise InvalidBundle(f"there is no bundle in {folder}")

    monkeypatch.setattr(cli_transcribe, "running_recognizer", refuse)
    assert cli.main(["transcribe", "--model", "nowhere", *write(tmp_path, a="hi")]) == 1
    assert capsys.readouterr().err == "longwave: there is no bundle in nowhere\n"


def test_serve_hands_its_flags_to_the_service(monkeypatch: pytest.MonkeyPatch) -> None:
    served: list[Settings] = []
    app = ModuleType("service.app")
    app.run = served.append  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "service.app", app)
    assert cli.main(["serve", "--port", "9000", "--host", "0.0.0.0"]) == 0
    assert (served[0].port, served[0].host) == (9000, "0.0.0.0")


def test_a_wrong_setting_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "service.app", ModuleType("service.app"))
    sys.modules["service.app"].run = None  # type: ignore[attr-defined]
    assert cli.main(["serve", "--port", "many"]) == 2
    assert "--port='many' is not allowed" in capsys.readouterr().err


def register_greeting(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """A command as another package adds one."""
    parser = commands.add_parser("greet")
    parser.add_argument("name")
    parser.set_defaults(func=greet)


def greet(arguments: Namespace) -> int:
    print(f"hello {arguments.name}")
    return 7


def test_other_packages_add_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    added = EntryPoint("greet", f"{__name__}:register_greeting", cli.COMMANDS_GROUP)
    monkeypatch.setattr(cli, "entry_points", lambda **_: EntryPoints([added]))
    assert cli.main(["greet", "you"]) == 7
    assert capsys.readouterr().out == "hello you\n"


def test_an_interrupt_is_quiet_even_while_commands_are_added(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupted(**_: str) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "entry_points", interrupted)
    assert cli.main(["transcribe", "a.wav"]) == 130
    assert capsys.readouterr().err == ""


def test_no_command_is_wrong_usage() -> None:
    with pytest.raises(SystemExit) as exit_info:
        cli.main([])
    assert exit_info.value.code == 2


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["--version"])
    assert exit_info.value.code == 0
    assert capsys.readouterr().out == f"longwave {service_version()}\n"
