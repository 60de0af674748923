"""How the training commands join the `longwave` command."""

import argparse
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from training import cli


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    cli.register(parser.add_subparsers(required=True))
    return parser


@pytest.mark.parametrize(
    "command",
    [
        "corpora --output manifest.jsonl",
        "train config.toml",
        "evaluate --bundle models/en --manifest manifest.jsonl",
        "export checkpoint.pt --output models/en",
    ],
)
def test_a_missing_extra_is_named(
    parser: argparse.ArgumentParser,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    def import_module(_: str) -> None:
        raise ModuleNotFoundError("No module named 'torch'", name="torch")

    monkeypatch.setattr(importlib, "import_module", import_module)
    arguments = parser.parse_args(command.split())
    assert arguments.func(arguments) == 2
    assert "torch is missing: install longwave[train]" in capsys.readouterr().err


def test_a_defect_of_our_own_is_not_called_a_missing_extra(
    parser: argparse.ArgumentParser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def import_module(_: str) -> None:
        raise ModuleNotFoundError("No module named 'training.gone'", name="training.gone")

    monkeypatch.setattr(importlib, "import_module", import_module)
    arguments = parser.parse_args(["train", "config.toml"])
    with pytest.raises(ModuleNotFoundError):
        arguments.func(arguments)


@pytest.mark.parametrize(
    "command",
    [
        "corpora --plain {folder} --output out",
        "pronounce {file} --output out",
        "rules {file} --output out",
        "lm --source 1 {file} --manifest {file} --output out",
        "synthesize --text 1 {file} --output out",
        "synthesize --text 1 {file} --exclude {file} --output out",
        "align {file} --output out",
        "train {file}",
        "export {file} --manifest {file} --output out",
        "evaluate --bundle out --manifest {file}",
        "tune --bundle models/en --manifest {file}",
        "calibrate --bundle models/en --manifest {file}",
        "compare --bundle out --manifest {file}",
    ],
)
def test_a_file_that_is_no_text_is_named(
    parser: argparse.ArgumentParser,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    command: str,
) -> None:
    file = tmp_path / "manifest.jsonl"
    file.write_bytes(b"\xff\xfe\x00\x01")
    arguments = parser.parse_args(command.format(file=file, folder=tmp_path).split())
    assert arguments.func(arguments) == 2
    assert str(file) in capsys.readouterr().err


def test_registering_needs_nothing_of_the_train_extra() -> None:
    heavy = "{'torch', 'num2words', 'torchaudio', 'onnx', 'matplotlib'}"
    code = f"import sys, training.cli; sys.exit(sorted({heavy} & set(sys.modules)) or 0)"
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)
