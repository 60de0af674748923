"""One benchmark from its first scenario to its report."""

import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from bench.ceiling import measure_ceiling, network_alone_s, provider_that_runs
from bench.clips import as_waveform, load_clips, save_clips
from bench.compare import compare
from bench.engine_load import EngineLoad, measure_files, measure_streams
from bench.measures import Row
from bench.options import BenchOptions
from bench.peer_scenarios import measure_peers
from bench.processes import Server
from bench.recommend import Tried, recommend, sweep
from bench.report import Report, machine, print_report, write_report
from bench.scenarios import (
    LONE_FILE_S,
    Bench,
    measure_lone_file,
    measure_mixed,
    measure_service_files,
    running_service,
    search_streams,
)
from bench.soak import soak
from service.engine.bundle import load_bundle
from service.engine.onnx_acoustic import chosen_precision
from service.engine.options import RuntimeOptions

_FILES_IN_FLIGHT = 64
_WIDTH = 160  # characters


def run_bench(options: BenchOptions) -> Report:
    """Measure everything that the plan names, as far as time allows, and write the report.

    A scenario that fails is left out of it, with the cause.

    Raises:
        InvalidBundle: the model cannot be read.
        NoSpeech: there is no audio where it was said to be.
    """
    console = _console()
    bundle = load_bundle(options.model)
    clips = load_clips(options.audio, bundle.framing.sample_rate)
    with tempfile.TemporaryDirectory(prefix="longwave-bench-") as folder:
        clips_file = Path(folder) / "clips.npz"
        save_clips(clips, clips_file)
        deadline_s = time.perf_counter() + options.time_limit_s
        bench = Bench(options, bundle, clips, clips_file, Path(folder), deadline_s)
        report = Report(_about(bench))
        _Benchmark(bench, report, console).run()
    write_report(report, options.output)
    print_report(report, console)
    return report


def _console() -> Console:
    """Wide enough for the table where the output is no terminal."""
    console = Console()
    return console if console.is_terminal else Console(width=_WIDTH)


def _about(bench: Bench) -> dict[str, Any]:
    options, framing = bench.options, bench.bundle.framing
    provider = provider_that_runs(options.runtime)
    audio_s = sum(len(clip) for clip in bench.clips) / framing.sample_rate
    return {
        "machine": machine(),
        "bundle": f"{bench.bundle.name} {bench.bundle.version}",
        "audio": "synthetic fixture" if options.audio is None else options.audio.name,
        "clips": len(bench.clips),
        "clip_s": round(audio_s / len(bench.clips), 2),
        "provider": provider,
        "precision": chosen_precision(bench.bundle, options.runtime, provider),
        "runtime": asdict(options.runtime),
        "plan": asdict(options.plan),
        "piece_ms": options.piece_ms,
    }


class _Benchmark:
    """The scenarios in order, each left out, loudly, where it fails or once time is up."""

    def __init__(self, bench: Bench, report: Report, console: Console) -> None:
        self._bench = bench
        self._report = report
        self._console = console
        self._tried: list[Tried] = []
        self._network_alone_s: float | None = None

    def run(self) -> None:
        plan = self._bench.options.plan
        self._scenario("raw ONNX Runtime", self._ceiling)
        self._scenario("engine settings", self._engine)
        with self._left_out_if_it_fails("service"):
            self._service()
        if self._bench.options.soak_chunks:
            self._scenario("soak", self._soak)
        if plan.with_peers:
            self._scenario("peers", self._adding(partial(measure_peers, self._bench)))
        self._conclude()

    def _service(self) -> None:
        with running_service(self._bench, "service") as server:
            self._report.ratios["cold start to ready, s"] = server.cold_start_s
            self._scenario("lone file", lambda: self._add(measure_lone_file(self._bench, server)))
            for decoder in self._bench.options.plan.decoders:
                self._service_with(server, decoder)

    def _service_with(self, server: Server, decoder: str) -> None:
        bench = self._bench
        scenarios = {
            "files": measure_service_files,
            "streams": search_streams,
            "mixed": measure_mixed,
        }
        for name, scenario in scenarios.items():
            measure = partial(scenario, bench, server, decoder)
            self._scenario(f"{name}, {decoder}", self._adding(measure))

    def _scenario(self, name: str, measure: Callable[[], None]) -> None:
        if self._bench.is_out_of_time:
            self._report.left_out.append(f"{name}: out of time")
            return
        self._console.print(f"{name} ...", style="dim", highlight=False)
        with self._left_out_if_it_fails(name):
            measure()

    @contextmanager
    def _left_out_if_it_fails(self, name: str) -> Iterator[None]:
        """Go on whatever happens: what other scenarios took long to measure is still to be told."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - it is in the report
            self._report.num_failed += 1
            self._report.left_out.append(f"{name}: {type(error).__name__}: {error}")

    def _adding(self, measure: Callable[[], Iterable[Row]]) -> Callable[[], None]:
        def add_each() -> None:
            for row in measure():
                self._add(row)

        return add_each

    def _add(self, *rows: Row) -> None:
        self._report.rows += rows

    def _ceiling(self) -> None:
        bench, options = self._bench, self._bench.options
        self._add(*measure_ceiling(bench.bundle, options.runtime, options.plan.sweep_s))
        self._network_alone_s = network_alone_s(bench.bundle, options.runtime, LONE_FILE_S)

    def _engine(self) -> None:
        options = self._bench.options
        waveforms = [as_waveform(clip) for clip in self._bench.clips]
        load = EngineLoad(_FILES_IN_FLIGHT, options.plan.sweep_s)

        def measure(runtime: RuntimeOptions) -> Row:
            return measure_files(options.model, runtime, waveforms, load)

        bundle = self._bench.bundle
        bulk_chunk_s = bundle.chunk_frames.bulk * bundle.framing.frame_s
        self._tried = sweep(options.runtime, bulk_chunk_s, measure)
        self._add(*(tried.row for tried in self._tried))
        for decoder in options.plan.decoders:
            streams = EngineLoad(
                options.plan.first_streams, options.plan.level_s, decoder, options.plan.session_s
            )
            self._add(measure_streams(options.model, options.runtime, waveforms, streams))

    def _soak(self) -> None:
        with running_service(self._bench, "soak") as server:
            self._report.soak = soak(self._bench, server)

    def _conclude(self) -> None:
        self._report.ratios |= compare(self._report, self._network_alone_s)
        live = self._report.named("raw ONNX Runtime, live")
        streams = self._report.named("streams, greedy")
        if self._tried and live:
            self._report.recommendation = recommend(self._tried, live, streams)
