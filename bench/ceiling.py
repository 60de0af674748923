"""The ceiling: ONNX Runtime alone on the bundle's model, with nothing around it."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import onnxruntime

from bench.measures import Row
from service.engine.bundle import Bundle
from service.engine.onnx_acoustic import CPU, CUDA, chosen_precision, model_graph, session_options
from service.engine.options import RuntimeOptions

BATCH_SIZES = (1, 4, 8, 16, 32, 64)


@dataclass(frozen=True, slots=True)
class Shape:
    """What one run computes."""

    batch_size: int
    num_frames: int  # of each row


def measure_ceiling(bundle: Bundle, options: RuntimeOptions, duration_s: float) -> list[Row]:
    """Throughput of `num_workers` threads that only run the graph, by chunk and batch size."""
    session, chunk_frames = _session(bundle, options), bundle.chunk_frames
    rows = []
    for name, num_frames in (("live", chunk_frames.live), ("bulk", chunk_frames.bulk)):
        for batch_size in BATCH_SIZES:
            run = _runner(session, bundle, Shape(batch_size, num_frames))
            run()  # memory is planned by the first run of a shape
            runs_per_s, cpu_s_per_run = _run_for(run, options.num_workers, duration_s)
            audio_s = batch_size * num_frames * bundle.framing.frame_s
            row = Row(
                scenario=f"raw ONNX Runtime, {name} chunks",
                load=f"batch {batch_size}",
                audio_per_s=runs_per_s * audio_s,
                cpu_s_per_audio_hour=3600 * cpu_s_per_run / audio_s,
                num_clients=batch_size,
            )
            rows.append(row)
    return rows


def network_alone_s(bundle: Bundle, options: RuntimeOptions, duration_s: float) -> float:
    """Seconds that the network alone takes for one lone file of `duration_s` seconds."""
    frames = max(1, round(duration_s / bundle.framing.frame_s / bundle.framing.frames_per_step))
    shape = Shape(1, frames * bundle.framing.frames_per_step)
    run = _runner(_session(bundle, options), bundle, shape)
    run()
    times_s = []
    for _ in range(10):
        started_s = time.perf_counter()
        run()
        times_s.append(time.perf_counter() - started_s)
    return float(np.median(times_s))


def provider_that_runs(options: RuntimeOptions) -> str:
    """CUDA, unless it is not there or not wanted."""
    has_cuda = CUDA in onnxruntime.get_available_providers()
    return CUDA if has_cuda and options.provider != "cpu" else CPU


def _session(bundle: Bundle, options: RuntimeOptions) -> onnxruntime.InferenceSession:
    provider = provider_that_runs(options)
    providers = [provider] if provider == CPU else [provider, CPU]
    graph = model_graph(bundle, chosen_precision(bundle, options, provider))
    return onnxruntime.InferenceSession(graph, session_options(), providers=providers)


def _runner(
    session: onnxruntime.InferenceSession, bundle: Bundle, shape: Shape
) -> Callable[[], object]:
    samples = shape.num_frames * bundle.framing.samples_per_frame
    rng = np.random.default_rng(0)
    feeds = {"waveform": rng.normal(0, 0.05, (shape.batch_size, samples)).astype(np.float32)}
    for spec in bundle.state:
        feeds[spec.name] = np.zeros((shape.batch_size, *spec.shape), spec.dtype)
    return lambda: session.run(None, feeds)


def _run_for(run: Callable[[], object], num_threads: int, duration_s: float) -> tuple[float, float]:
    """Runs a second of all threads together, and CPU seconds a run."""
    started_s, cpu_s = time.perf_counter(), time.process_time()

    def keep_running(_: int) -> int:
        num_runs = 0
        while num_runs == 0 or time.perf_counter() - started_s < duration_s:
            run()
            num_runs += 1
        return num_runs

    with ThreadPoolExecutor(num_threads) as threads:
        num_runs = sum(threads.map(keep_running, range(num_threads)))
    wall_s = time.perf_counter() - started_s
    return num_runs / wall_s, (time.process_time() - cpu_s) / num_runs
