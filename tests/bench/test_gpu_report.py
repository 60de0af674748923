"""The report on a GPU, run on the CPU provider: it must need nobody when a GPU is at hand."""

import json
from pathlib import Path

import pytest

from bench.clips import as_wav, synthetic_speech
from scripts import gpu_report
from tests.tiny_bundle import write_tiny_bundle


def test_it_writes_a_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu_report, "BULK_CHUNKS", (2, 4))
    monkeypatch.setattr(gpu_report, "STREAMS", (2, 4))
    monkeypatch.setattr(gpu_report, "parity_tests", lambda: {"exit_code": 0, "output": ""})
    speech = tmp_path / "speech.wav"
    speech.write_bytes(as_wav(synthetic_speech(0, 16000, duration_s=0.2), 16000))
    write_tiny_bundle(tmp_path)
    flags = ["--provider", "cpu", "--seconds", "0.1", "--most-streams", "8"]
    places = ["--model", str(tmp_path), "--audio", str(speech), "--output", str(tmp_path / "out")]
    exit_code = gpu_report.main([*flags, *places])
    report = json.loads((tmp_path / "out" / "gpu-report.json").read_text())
    assert (exit_code, report["errors"]) == (0, [])
    for precision in ("float32", "float16"):
        assert [row["batch_size"] for row in report[f"raw steps, {precision}"]] == [1]
        rows = report[f"files, {precision}"] + report[f"streams, {precision}"]
        assert all(row["audio_per_s"] > 0 for row in rows)
    assert report["float16 beside float32"]["frames"] > 0


def test_a_scenario_that_fails_is_reported_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gpu_report, "parity_tests", lambda: {"exit_code": 0, "output": ""})
    write_tiny_bundle(tmp_path)
    places = ["--model", str(tmp_path), "--output", str(tmp_path / "out"), "--seconds", "0.1"]
    assert gpu_report.main([*places, "--provider", "cuda", "--most-streams", "4"]) == 1
    report = json.loads((tmp_path / "out" / "gpu-report.json").read_text())
    assert any("a GPU is required" in each["error"] for each in report["errors"])
