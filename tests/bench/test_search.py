"""The search for the most streams, the comparison and the recommendation, on made-up figures."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bench import scenarios
from bench.compare import compare
from bench.measures import Load, Percentiles, Row, Usage, row
from bench.options import FULL, BenchOptions
from bench.processes import Server
from bench.recommend import Tried, recommend
from bench.report import Report
from bench.scenarios import Bench, most_carried, search_streams
from service.engine.bundle import Bundle
from service.engine.options import RuntimeOptions
from tests.fakes import fake_bundle


def level(num_clients: int, p99_s: float, num_errors: int = 0) -> Row:
    final = Percentiles(100, p99_s / 2, p99_s, p99_s, p99_s)
    level = Row("streams, greedy", str(num_clients), 1.0, final=final, num_clients=num_clients)
    return replace(level, num_errors=num_errors)


def a_bench(bundle: Bundle, most_streams: int = 3200) -> Bench:
    plan = replace(FULL, most_streams=most_streams)
    options = BenchOptions(Path("model"), Path("report"), plan)
    return Bench(options, bundle, [], Path("clips"), Path("folder"), deadline_s=float("inf"))


@pytest.mark.parametrize(
    ("capacity", "found"), [(1000, 1000), (430, 425), (49, 43), (5, 0), (10_000, 3200)]
)
def test_the_most_streams_are_found(
    monkeypatch: pytest.MonkeyPatch, capacity: int, found: int
) -> None:
    def measure(_: Server, order: Any, __: str) -> Row:
        return level(order.num_clients, 0.1 if order.num_clients <= capacity else 2.0)

    monkeypatch.setattr(scenarios, "measure_load", measure)
    server = cast("Server", SimpleNamespace(port=1))
    rows = search_streams(a_bench(fake_bundle()), server, "greedy")
    assert found * 0.85 <= most_carried(rows) <= capacity
    assert len(rows) <= 12


def test_a_level_with_an_error_is_not_carried() -> None:
    assert most_carried([level(50, 0.1), level(100, 0.1, num_errors=1), level(200, 0.6)]) == 50


def test_a_larger_batch_must_be_worth_it() -> None:
    def tried(workers: int, audio_s: float, speed: float) -> Tried:
        runtime = RuntimeOptions(num_workers=workers, max_batch_audio_s=audio_s)
        return Tried(runtime, Row("engine, files", "", speed))

    measured = [tried(1, 10, 100.0), tried(2, 10, 190.0), tried(2, 20, 200.0), tried(2, 41, 201.0)]
    live = [Row("raw", "", speed, num_clients=size) for size, speed in ((8, 90.0), (16, 100.0))]
    live.append(Row("raw", "", 101.0, num_clients=32))
    best = recommend(measured, live, [level(50, 0.1), level(100, 0.2)])
    assert best.command == (
        "longwave serve --workers 2 --max-batch-size 16 --max-batch-audio-s 20 --max-streams 80"
    )
    assert recommend(measured, live, []).max_streams is None


def test_ratios_of_what_was_measured() -> None:
    report = Report({})
    report.rows = [
        Row("raw ONNX Runtime", "batch 1", 500.0),
        Row("raw ONNX Runtime", "batch 16", 1000.0),
        Row("files, greedy", "32", 850.0, cpu_s_per_audio_hour=5.0),
        Row("peer: plain FastAPI handler, files", "32", 200.0),
        Row("peer: PocketSphinx", "1", 2.0, cpu_s_per_audio_hour=600.0),
        replace(level(100, 0.1), peak_rss_mb=100.0),
        replace(level(200, 0.1), peak_rss_mb=110.0),
    ]
    ratios = compare(report, network_alone_s=None)
    assert ratios["files over HTTP / raw ONNX Runtime"] == 0.85
    assert ratios["files over HTTP / plain FastAPI handler, files"] == 4.25
    assert ratios["CPU of PocketSphinx / of files"] == 120.0
    assert ratios["most streams carried, greedy"] == 200
    assert ratios["memory a live stream, kB"] == pytest.approx(102.4)


def test_loads_that_were_made_together_are_one() -> None:
    loads = [Load(10.0, 1, 2.0, 0.1, (0.1,)), Load(20.0, 2, 3.0, 0.2, (0.2, 0.3), errors=("bad",))]
    together = row("files", 2, Load.together(loads), Usage(1.0, 2**20))
    assert together.audio_per_s == 10.0
    assert together.cpu_s_per_audio_hour == 120.0
    assert together.final is not None
    assert together.final.count == 3
    assert (together.num_errors, together.note) == (1, "bad")
