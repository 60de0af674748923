"""`longwave bench` from end to end, with a tiny model and loads of a fraction of a second."""

import json
import socket
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest

from bench import peer_scenarios, run
from bench.clips import NoSpeech, as_wav, as_waveform, load_clips, synthetic_speech
from bench.engine_load import EngineLoad, measure_streams
from bench.options import QUICK, BenchOptions
from bench.processes import ServerFailed
from bench.report import JSON_FILE, PICTURE, Report
from bench.run import run_bench
from bench.scenarios import Bench, running_service
from service import cli
from service.cli import main
from service.engine.load_gauge import LoadGauge
from service.engine.options import RuntimeOptions
from tests.fakes import fake_bundle
from tests.tiny_bundle import write_tiny_bundle

SAMPLE_RATE = 16000
PLAN = replace(
    QUICK,
    sweep_s=0.02,
    files_s=0.1,
    level_s=0.3,
    session_s=0.3,
    num_file_clients=3,
    first_streams=2,
    most_streams=4,
    mixed_streams=2,
    long_file_s=1.0,
    file_s=0.5,
    with_peers=False,
)


def options(folder: Path) -> BenchOptions:
    model = folder / "model"
    model.mkdir()
    write_tiny_bundle(model)
    speech = folder / "speech.wav"
    speech.write_bytes(as_wav(synthetic_speech(0, SAMPLE_RATE, duration_s=0.2), SAMPLE_RATE))
    return BenchOptions(
        model=model,
        output=folder / "report",
        plan=PLAN,
        audio=speech,
        runtime=RuntimeOptions(provider="cpu"),
        soak_chunks=100,
    )


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    return run_bench(options(tmp_path_factory.mktemp("bench")))


def test_every_scenario_is_measured_without_errors(report: Report) -> None:
    assert report.num_errors == 0, [row.note for row in report.rows if row.num_errors]
    for scenario in ("raw ONNX Runtime", "engine, files", "engine, streams", "lone file"):
        assert report.named(scenario), scenario
    for row in report.named("files") + report.named("streams") + report.named("mixed"):
        assert row.audio_per_s > 0, row
        assert row.final is not None, row
        assert row.final.p50 <= row.final.p95 <= row.final.p99 <= row.final.largest
    assert [row.num_clients for row in report.named("files, greedy")] == [1, 3]
    assert [row.num_clients for row in report.named("files of 0.5 s, greedy")] == [3]
    assert report.soak is not None
    assert report.soak.num_chunks > 0
    assert report.left_out == []


def test_the_report_is_written(report: Report, tmp_path: Path) -> None:
    from bench.report import write_report

    write_report(report, tmp_path)
    content = json.loads((tmp_path / JSON_FILE).read_text())
    assert len(content["rows"]) == len(report.rows)
    assert content["ratios"]["files over HTTP / raw ONNX Runtime"] > 0
    assert content["ratios"]["files of 0.5 s / raw ONNX Runtime"] > 0
    assert content["recommendation"]["workers"] >= 1
    assert (tmp_path / PICTURE).read_bytes().startswith(b"\x89PNG")


def test_what_time_does_not_allow_is_left_out_and_named(tmp_path: Path) -> None:
    report = run_bench(replace(options(tmp_path), time_limit_s=0.0))
    assert report.rows == []
    assert "raw ONNX Runtime: out of time" in report.left_out
    assert "files, greedy: out of time" in report.left_out


def test_a_scenario_that_fails_is_left_out_and_the_rest_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_out(*_: object) -> NoReturn:
        raise subprocess.TimeoutExpired("generator", 90.0)

    def fail(*_: object) -> NoReturn:
        raise ServerFailed("it said nothing")

    monkeypatch.setattr(run, "measure_ceiling", time_out)
    monkeypatch.setattr(run, "running_service", fail)
    report = run_bench(replace(options(tmp_path), soak_chunks=0))
    assert report.left_out == [
        "raw ONNX Runtime: TimeoutExpired: Command 'generator' timed out after 90.0 seconds",
        "service: ServerFailed: it said nothing",
    ]
    assert report.named("engine, streams")
    written = json.loads((tmp_path / "report" / JSON_FILE).read_text())
    assert (written["left_out"], written["num_failed"]) == (report.left_out, 2)


def test_a_peer_that_takes_too_long_does_not_lose_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def time_out(*_: object, **__: object) -> NoReturn:
        raise subprocess.TimeoutExpired("peer", 120.0)

    monkeypatch.setattr("bench.peer_scenarios.subprocess.run", time_out)
    monkeypatch.setattr(peer_scenarios, "running_server", time_out)
    monkeypatch.setattr(peer_scenarios, "find_spec", lambda _: True)
    bench = Bench(options(tmp_path), fake_bundle(), [], Path(), tmp_path, float("inf"))
    rows = list(peer_scenarios.measure_peers(bench))
    assert len(rows) == 1 + len(peer_scenarios.PEERS)
    assert all(row.num_errors == 1 and "120" in row.note for row in rows)


def test_a_slow_machine_refuses_the_engine_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(LoadGauge, "delay_s", lambda *_: 10.0)
    write_tiny_bundle(tmp_path)
    runtime = RuntimeOptions(provider="cpu", max_streams=1)
    waveforms = [as_waveform(synthetic_speech(0, SAMPLE_RATE, duration_s=0.2))]
    assert measure_streams(tmp_path, runtime, waveforms, EngineLoad(2, 0.1)).audio_per_s > 0


def test_the_service_that_is_measured_takes_no_port_of_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(options(tmp_path), fake_bundle(), [], Path(), tmp_path, float("inf"))
    with socket.create_server(("127.0.0.1", 0)) as taken:
        monkeypatch.setenv("LONGWAVE_VOSK_PORT", str(taken.getsockname()[1]))
        with running_service(bench, "service") as server:
            assert server.rss_bytes() > 0


def test_audio_that_is_not_there_is_wrong_usage(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_tiny_bundle(tmp_path)
    code = main(["bench", "--model", str(tmp_path), "--audio", str(tmp_path / "nowhere")])
    assert code == 2
    assert "holds no audio that can be read" in capsys.readouterr().err


def test_a_file_of_less_than_a_sample_is_no_speech(tmp_path: Path) -> None:
    speech = tmp_path / "speech.wav"
    speech.write_bytes(as_wav(synthetic_speech(0, 48_000, duration_s=1 / 48_000), 48_000))
    with pytest.raises(NoSpeech):
        load_clips(speech, SAMPLE_RATE)


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--soak", "-5", "-5 is less than 0"),
        ("--soak", "many", "invalid int value: 'many'"),
        ("--time-limit", "-5", "-5 is less than 0"),
        ("--time-limit", "nan", "nan is less than 0"),
        ("--piece-ms", "0", "0 is less than 1"),
    ],
)
def test_numbers_that_cannot_be_are_wrong_usage(
    flag: str, value: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_info:
        cli.main(["bench", flag, value])
    assert exit_info.value.code == 2
    assert message in capsys.readouterr().err
