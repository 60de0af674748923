"""What this machine's GPU does: parity tests and benchmarks, unattended, into a report.

    python scripts/gpu_report.py --audio DIR --output gpu-report

Everything runs at the level of the engine, without HTTP: the largest number of paced streams whose
finals come in time, and the speed of files by the number of chunks in a batch, in float32 and in
float16, and how far the two are apart. A scenario that fails is in the report and stops nothing.
`--provider cpu` runs the same code, states in slots included, where there is no GPU; ONNX Runtime
then computes float16 in float32.
"""

import argparse
import json
import platform
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from bench.clips import as_waveform, load_clips
from bench.engine_load import EngineLoad, measure_files, measure_streams
from bench.measures import Row
from bench.scenarios import is_carried
from service.engine.bundle import Bundle, load_bundle
from service.engine.onnx_acoustic import CPU, CUDA
from service.engine.onnx_slots import load_slotted_model
from service.engine.options import Precision, RuntimeOptions

PRECISIONS: tuple[Precision, ...] = ("float32", "float16")
BULK_CHUNKS = (16, 64, 256, 512)  # in one batch
STREAMS = (500, 1000, 2000, 5000, 10_000)
TEST_TIMEOUT_S = 900.0

Waveforms: TypeAlias = Sequence[NDArray[np.float32]]


def main(argv: Sequence[str] | None = None) -> int:
    """Write the report; 1 if a test or a scenario failed."""
    arguments = _parser().parse_args(argv)
    bundle = load_bundle(arguments.model)
    waveforms = [as_waveform(c) for c in load_clips(arguments.audio, bundle.framing.sample_rate)]
    report: dict[str, Any] = {"machine": machine(), "errors": []}
    scenarios: dict[str, Callable[[], Any]] = {"parity tests": parity_tests}
    for precision in PRECISIONS:
        gpu = _Measurements(bundle, waveforms, arguments, precision)
        scenarios[f"raw steps, {precision}"] = gpu.raw_steps
        scenarios[f"files, {precision}"] = gpu.files
        scenarios[f"streams, {precision}"] = gpu.streams
    scenarios["float16 beside float32"] = partial(float16_differences, bundle, waveforms, arguments)
    for name, measure in scenarios.items():
        print(f"{name} ...", flush=True)
        try:
            report[name] = measure()
        except Exception:  # noqa: BLE001 - unattended: it is reported, and the rest goes on
            report["errors"].append({"scenario": name, "error": traceback.format_exc()})
    arguments.output.mkdir(parents=True, exist_ok=True)
    text = json.dumps(report, indent=1)
    (arguments.output / "gpu-report.json").write_text(text + "\n", encoding="utf-8")
    print(text)
    return int(bool(report["errors"]) or report["parity tests"]["exit_code"] != 0)


def machine() -> dict[str, Any]:
    """What the figures hold for."""
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        gpu = subprocess.run(query, capture_output=True, text=True, check=True, timeout=30).stdout
    except (OSError, subprocess.SubprocessError) as error:
        gpu = f"none: {error}"
    return {
        "gpu": gpu.strip(),
        "processor": platform.processor() or platform.machine(),
        "onnxruntime": onnxruntime.__version__,
        "providers": onnxruntime.get_available_providers(),
    }


def parity_tests() -> dict[str, Any]:
    """The tests that need a GPU; elsewhere they skip."""
    command = [sys.executable, "-m", "pytest", "-q", "-rs", "tests/gpu"]
    finished = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=TEST_TIMEOUT_S
    )
    return {"exit_code": finished.returncode, "output": finished.stdout[-4000:]}


def float16_differences(
    bundle: Bundle, waveforms: Waveforms, arguments: argparse.Namespace
) -> dict[str, float]:
    """How far float16 moves log-probabilities, and how often a frame's best symbol."""
    heard = [
        _log_probs(bundle, waveforms, _runtime(arguments, precision)) for precision in PRECISIONS
    ]
    float32, float16 = (np.concatenate(each) for each in heard)  # [T, V]
    return {
        "largest_log_prob_difference": float(np.abs(float16 - float32).max()),
        "other_best_symbols": float((float16.argmax(axis=1) != float32.argmax(axis=1)).mean()),
        "frames": len(float32),
    }


def _log_probs(
    bundle: Bundle, waveforms: Waveforms, runtime: RuntimeOptions
) -> list[NDArray[np.float32]]:
    """[T, V] of every waveform's whole live chunks, one stream after another."""
    model = load_slotted_model(bundle, runtime, _provider(runtime))
    num_samples = bundle.chunk_frames.live * bundle.framing.samples_per_frame
    pieces = []
    for waveform in waveforms:
        states = [model.initial_state()]
        for start in range(0, len(waveform) - num_samples + 1, num_samples):
            log_probs, states = model.step(waveform[None, start : start + num_samples], states)
            pieces.append(log_probs[0])
    return pieces


def _provider(runtime: RuntimeOptions) -> str:
    return CUDA if runtime.provider == "cuda" else CPU


def _runtime(arguments: argparse.Namespace, precision: Precision) -> RuntimeOptions:
    return RuntimeOptions(
        provider=arguments.provider,
        require_gpu=arguments.provider == "cuda",
        precision=precision,
        num_workers=1,
        max_batch_size=1024,
        max_streams=arguments.most_streams + 1,
    )


class _Measurements:
    """The benchmarks in one precision, each a list of rows."""

    def __init__(
        self,
        bundle: Bundle,
        waveforms: Waveforms,
        arguments: argparse.Namespace,
        precision: Precision,
    ) -> None:
        self._bundle = bundle
        self._waveforms = waveforms
        self._duration_s: float = arguments.seconds
        self._most_streams: int = arguments.most_streams
        self._runtime = _runtime(arguments, precision)

    def raw_steps(self) -> list[dict[str, float]]:
        """Steps of live chunks with states on the device, by batch size."""
        model = load_slotted_model(self._bundle, self._runtime, _provider(self._runtime))
        num_samples = self._bundle.chunk_frames.live * self._bundle.framing.samples_per_frame
        rows = []
        for batch_size in (1, 16, 64, 256, 1024):
            if batch_size > self._most_streams:
                break
            states = [model.initial_state() for _ in range(batch_size)]
            waveforms = np.zeros((batch_size, num_samples), np.float32)
            model.step(waveforms, states)
            step_s = _median_s(lambda: model.step(waveforms, states))  # noqa: B023 - called here
            rows.append({"batch_size": batch_size, "step_ms": 1000 * step_s})
        return rows

    def files(self) -> list[dict[str, Any]]:
        """Files, decoded already, by the number of bulk chunks in a batch."""
        chunk_s = self._bundle.chunk_frames.bulk * self._bundle.framing.frame_s
        rows = []
        for num_chunks in BULK_CHUNKS:
            num_clients = min(2 * num_chunks, self._most_streams)
            runtime = replace(self._runtime, max_batch_audio_s=1.001 * num_chunks * chunk_s)
            load = EngineLoad(num_clients, self._duration_s)
            rows.append(measure_files(self._bundle.folder, runtime, self._waveforms, load))
        return [_described(row) for row in rows]

    def streams(self) -> list[dict[str, Any]]:
        """Paced streams, more and more until a level is not carried."""
        runtime = replace(self._runtime, max_batch_audio_s=1e6)
        rows: list[Row] = []
        for num_streams in STREAMS:
            if num_streams > self._most_streams or (rows and not is_carried(rows[-1])):
                break
            load = EngineLoad(num_streams, self._duration_s)
            rows.append(measure_streams(self._bundle.folder, runtime, self._waveforms, load))
        return [_described(row) for row in rows]


def _described(row: Row) -> dict[str, Any]:
    return {**asdict(row), "is_carried": is_carried(row)}


def _median_s(function: Callable[[], object], num_times: int = 30) -> float:
    times_s = []
    for _ in range(num_times):
        started_s = time.perf_counter()
        function()
        times_s.append(time.perf_counter() - started_s)
    return float(np.median(times_s))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--model", type=Path, default=Path("models/en"))
    parser.add_argument("--audio", type=Path, help="speech: file or folder")
    parser.add_argument("--output", type=Path, default=Path("gpu-report"))
    parser.add_argument("--provider", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--seconds", type=float, default=20.0, help="of each load")
    parser.add_argument("--most-streams", type=int, default=STREAMS[-1])
    return parser


if __name__ == "__main__":
    raise SystemExit(main())
