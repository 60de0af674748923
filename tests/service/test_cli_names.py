"""`longwave transcribe` with names of what cannot be read."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from service import cli
from tests.service.test_cli import runs
from tests.service.test_cli_files import calls

__all__ = ["calls", "runs"]


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("names", "cause"),
    [
        (["", "a.wav"], "the name of a file is empty"),
        (["-", "a.wav", "-"], "can be read only once"),
    ],
)
def test_names_that_mean_nothing_are_wrong_usage(
    capsys: pytest.CaptureFixture[str], names: list[str], cause: str
) -> None:
    assert cli.main(["transcribe", *names]) == 2
    assert cause in capsys.readouterr().err


@pytest.fixture
def closed(calls: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder below the recordings that nobody may look into, not even root."""
    closed, scandir = calls / "closed", os.scandir
    closed.mkdir()

    def refuse(path: Path | str) -> Iterator[os.DirEntry[str]]:
        if Path(path) == closed:
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr("os.scandir", refuse)
    return closed


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("named", ["closed", "."])
def test_a_folder_that_may_not_be_read_is_told(
    calls: Path, closed: Path, capsys: pytest.CaptureFixture[str], named: str
) -> None:
    assert cli.main(["transcribe", str(calls / named), str(calls / "b.wav")]) == 1
    output = capsys.readouterr()
    assert output.err == f"longwave: {closed}: Permission denied\n"
    assert output.out.endswith(f"{calls / 'b.wav'}: bee\n")


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("place", ["n" * 300, "[n]" * 300])
def test_a_name_that_cannot_be_looked_up_does_not_stop_the_rest(
    calls: Path, capsys: pytest.CaptureFixture[str], place: str
) -> None:
    assert cli.main(["transcribe", str(calls / place), str(calls / "b.wav")]) == 1
    output = capsys.readouterr()
    assert output.err == f"longwave: {calls / place}: File name too long\n"
    assert output.out == f"{calls / 'b.wav'}: bee\n"


@pytest.mark.usefixtures("runs")
def test_a_link_to_nothing_is_told_as_the_file_that_it_should_be(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (calls / "gone.wav").symlink_to("nowhere.wav")
    assert cli.main(["transcribe", str(calls)]) == 1
    assert capsys.readouterr().err == f"longwave: {calls / 'gone.wav'}: No such file or directory\n"
