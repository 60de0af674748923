"""`longwave transcribe` with folders, patterns and an output folder."""

import json
from pathlib import Path

import numpy as np
import pytest

from service import cli
from service.cli_files import Input, check_places, inputs_of, write_whole
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, silence, speak
from tests.service.requests import wav
from tests.service.test_cli import Runs, runs

__all__ = ["runs"]


@pytest.fixture
def calls(tmp_path: Path) -> Path:
    """A folder of recordings, some of them deeper, and what is none."""
    folder = tmp_path / "calls"
    for place, text in {"b.wav": "bee", "a.WAV": "ay", "old/c.wav": "see"}.items():
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(wav(text))
    (folder / "notes.txt").write_text("no audio")
    return folder


def written(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.usefixtures("runs")
def test_a_folder_means_all_audio_below_it(calls: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["transcribe", str(calls)]) == 0
    assert capsys.readouterr().out == (
        f"{calls / 'a.WAV'}: ay\n{calls / 'b.wav'}: bee\n{calls / 'old' / 'c.wav'}: see\n"
    )


@pytest.mark.usefixtures("runs")
def test_a_pattern_means_the_files_that_match(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["transcribe", "--format", "json", f"{calls}/**/*.wav"]) == 0
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["text"] for line in lines] == ["bee", "see"]


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize("name", ["*.wav", "empty"])
def test_what_means_no_file_is_an_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (tmp_path / "empty").mkdir()
    assert cli.main(["transcribe", str(tmp_path / name)]) == 1
    assert name in capsys.readouterr().err


@pytest.mark.usefixtures("runs")
@pytest.mark.parametrize(
    ("output_format", "suffix", "beginning"),
    [
        ("text", ".txt", "bee\n"),
        ("srt", ".srt", "1\n00:00:00,000"),
        ("vtt", ".vtt", "WEBVTT\n"),
        ("json", ".json", '{"text":"bee"'),
        ("verbose_json", ".json", '{"task":"transcribe"'),
    ],
)
def test_an_output_folder_gets_a_file_for_each(
    calls: Path, tmp_path: Path, output_format: str, suffix: str, beginning: str
) -> None:
    output = tmp_path / "out"
    flags = ["--format", output_format, "--output-dir", str(output)]
    assert cli.main(["transcribe", *flags, str(calls)]) == 0
    files = written(output)
    assert list(files) == [f"a{suffix}", f"b{suffix}", f"old/c{suffix}"]
    assert files[f"b{suffix}"].startswith(beginning)


def test_what_an_earlier_run_has_written_is_left_out(
    calls: Path, tmp_path: Path, runs: Runs
) -> None:
    output = tmp_path / "out"
    flags = ["--output-dir", str(output), str(calls)]
    output.mkdir()
    (output / "b.txt").write_text("of an earlier run")
    (output / "a.txt.part").write_text("of a run that was killed")
    assert cli.main(["transcribe", *flags]) == 0
    assert written(output) == {"a.txt": "ay\n", "b.txt": "of an earlier run", "old/c.txt": "see\n"}
    runs.model = FakeAcousticModel()
    assert cli.main(["transcribe", *flags]) == 0
    assert runs.model.batch_sizes == []
    assert cli.main(["transcribe", "--overwrite", *flags]) == 0
    assert written(output)["b.txt"] == "bee\n"


@pytest.mark.usefixtures("runs")
def test_a_bad_file_leaves_no_output_and_is_tried_again(
    calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    (calls / "bad.wav").write_bytes(b"<html>")
    flags = ["--output-dir", str(output), str(calls)]
    for _ in range(2):
        assert cli.main(["transcribe", *flags]) == 1
        assert "bad.wav: This is not audio" in capsys.readouterr().err
    assert list(written(output)) == ["a.txt", "b.txt", "old/c.txt"]


@pytest.mark.usefixtures("runs")
def test_an_output_that_cannot_be_written_is_told(
    calls: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    (output / "b.txt.part").mkdir(parents=True)
    assert cli.main(["transcribe", "--output-dir", str(output), str(calls)]) == 1
    complaint = f"{output / 'b.txt'} cannot be written: Is a directory"
    assert complaint in capsys.readouterr().err
    assert list(written(output)) == ["a.txt", "old/c.txt"]


@pytest.mark.usefixtures("runs")
def test_subtitles_of_several_files_need_a_folder(
    calls: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.main(["transcribe", "--format", "srt", str(calls)]) == 2
    assert "--output-dir" in capsys.readouterr().err
    assert cli.main(["transcribe", "--format", "srt", str(calls / "b.wav")]) == 0
    assert capsys.readouterr().out.startswith("1\n00:00:00,000 --> 00:00:01,000\nbee\n")


@pytest.mark.usefixtures("runs")
def test_all_options_of_the_api_are_flags(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "call.wav"
    sides = [np.concatenate([speak("hello"), silence(1.0)]), silence(2.0)]
    stereo = np.stack([np.resize(side, len(sides[1])) for side in sides], axis=1)
    path.write_bytes(encode_soundfile(stereo, FRAMING.sample_rate))
    flags = ["--channels", "separate", "--nbest", "2", "--boost", "Hello:2", "--boost", "bye"]
    flags += ["--lm-weight", "0.5", "--word-bonus=-1", "--silence-s", "0.5", "--max-utterance-s=9"]
    assert cli.main(["transcribe", "--format", "json", *flags, str(path)]) == 0
    segments = json.loads(capsys.readouterr().out)["segments"]
    assert segments[0]["text"] == "hello"
    assert len(segments[0]["alternatives"]) == 1


@pytest.mark.usefixtures("runs")
def test_raw_audio_is_read_as_it_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "call.ulaw"
    path.write_bytes(b"\xff" * 16_000)
    flags = ["--format", "json", "--encoding", "mulaw"]
    assert cli.main(["transcribe", *flags, str(path)]) == 0
    assert json.loads(capsys.readouterr().out)["duration"] == 2.0


@pytest.mark.parametrize(
    ("flags", "cause"),
    [
        (["--boost", "66"], "numbers as words"),
        (["--nbest", "many"], "'nbest' is 'many'"),
        (["--sample-rate", "8000"], "sample_rate is for raw audio"),
    ],
)
@pytest.mark.usefixtures("runs")
def test_a_wrong_flag_is_wrong_usage(
    calls: Path, capsys: pytest.CaptureFixture[str], flags: list[str], cause: str
) -> None:
    assert cli.main(["transcribe", *flags, str(calls)]) == 2
    assert cause in capsys.readouterr().err


@pytest.mark.usefixtures("runs")
def test_a_pattern_keeps_the_folders_below_its_beginning(calls: Path, tmp_path: Path) -> None:
    (calls / "old" / "b.wav").write_bytes(wav("old bee"))
    output = tmp_path / "out"
    assert cli.main(["transcribe", "--output-dir", str(output), f"{calls}/**/*.wav"]) == 0
    assert written(output) == {"b.txt": "bee\n", "old/b.txt": "old bee\n", "old/c.txt": "see\n"}


def test_a_relative_pattern_keeps_all_its_folders(
    calls: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(calls.parent)
    for pattern in ("[c]alls/old/*.wav", "./**/old/c.*"):
        assert [each.place for each in inputs_of([pattern])] == [Path("calls/old/c")]


def test_files_whose_outputs_would_be_one_are_refused_before_the_model_is_loaded(
    calls: Path, tmp_path: Path, runs: Runs, capsys: pytest.CaptureFixture[str]
) -> None:
    first, second = calls / "b.wav", calls / "old" / "b.wav"
    second.write_bytes(wav("old bee"))
    flags = ["--output-dir", str(tmp_path / "out")]
    assert cli.main(["transcribe", *flags, str(first), str(second)]) == 2
    complaint = capsys.readouterr().err
    assert f"{first} and {second} would have the same output" in complaint
    assert "name a folder or a pattern" in complaint
    assert runs.folder == Path()


def test_a_file_that_is_named_twice_has_one_output(calls: Path) -> None:
    path = calls / "b.wav"
    inputs = inputs_of([str(path), f"{calls}/b.*"])
    check_places(inputs)
    assert [each.place for each in inputs] == [Path("b"), Path("b")]


def test_outputs_of_the_same_name_keep_their_suffixes(tmp_path: Path) -> None:
    for name in ("talk.wav", "talk.mp3", "other.wav"):
        (tmp_path / name).touch()
    places = [each.place for each in inputs_of([str(tmp_path)])]
    assert places == [Path("other"), Path("talk.mp3"), Path("talk.wav")]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path: Path) -> None:
    path = tmp_path / "take[1].wav"
    path.touch()
    assert inputs_of([str(path)]) == [Input(str(path), path, Path("take[1]"))]


def test_a_file_is_written_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "deep" / "a.txt"
    write_whole(path, "first")

    def fail(_: int) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="full"):
        write_whole(path, "second")
    assert written(tmp_path) == {"deep/a.txt": "first"}
