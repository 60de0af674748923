"""What a benchmark found: a table, a JSON file, and a picture of latency against load."""

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from bench.measures import Percentiles, Row
from bench.recommend import Recommendation
from bench.soak import Soak

JSON_FILE = "bench.json"
PICTURE = "latency.png"
_COLUMNS = (
    "scenario",
    "load",
    "audio s/s",
    "CPU s/audio h",
    "final p50/p95/p99 ms",
    "partial p50/p95/p99 ms",
    "peak MB",
    "errors",
)


@dataclass
class Report:
    """Everything that was measured, as it grows."""

    about: Mapping[str, Any]
    rows: list[Row] = field(default_factory=list)
    ratios: dict[str, float] = field(default_factory=dict)
    left_out: list[str] = field(default_factory=list)  # with the cause
    num_failed: int = 0  # scenarios among them
    soak: Soak | None = None
    recommendation: Recommendation | None = None

    def named(self, start: str) -> list[Row]:
        """The rows whose scenario begins so."""
        return [row for row in self.rows if row.scenario.startswith(start)]

    @property
    def num_errors(self) -> int:
        """Of the service; a peer's are its own."""
        own = sum(
            row.num_errors for row in self.rows if row.scenario.startswith(("files", "mixed"))
        )
        return own + (self.soak.num_errors if self.soak else 0)


def machine() -> dict[str, Any]:
    """What the figures hold for."""
    import onnxruntime
    import psutil

    return {
        "processor": platform.processor() or platform.machine(),
        "cores": len(psutil.Process().cpu_affinity()),
        "memory_gb": round(psutil.virtual_memory().total / 2**30, 1),
        "python": platform.python_version(),
        "onnxruntime": onnxruntime.__version__,
        "load_average_before": psutil.getloadavg()[0],
    }


def write_report(report: Report, folder: Path) -> None:
    """Write the JSON, and the picture where matplotlib is installed."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {**asdict(report), "num_errors": report.num_errors}
    if report.soak:
        content["soak"]["growth_mb"] = report.soak.growth_mb
    (folder / JSON_FILE).write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
    if find_spec("matplotlib") is None:
        report.left_out.append(f"{PICTURE}: matplotlib is not installed")
    else:
        from bench.plot import draw

        draw(report.named("streams"), folder / PICTURE)


def print_report(report: Report, console: Console) -> None:
    """The table, the ratios and the recommendation."""
    table = Table(*_COLUMNS)
    for row in report.rows:
        table.add_row(*_cells(row), style="red" if row.num_errors else None)
    console.print(table)
    for name, value in report.ratios.items():
        console.print(f"{name}: {value:.3g}", highlight=False)
    if report.soak:
        soak = report.soak
        console.print(
            f"soak of {soak.num_chunks} chunks: {soak.rss_mb[0]:.0f} MB before,"
            f" {soak.rss_mb[-1]:.0f} MB after, {soak.growth_mb:+.1f} MB over its last half"
        )
    for name in report.left_out:
        console.print(f"LEFT OUT: {name}", style="yellow", highlight=False)
    if report.recommendation:
        console.print(f"recommended: {report.recommendation.command}", style="green")


def _cells(row: Row) -> list[str]:
    return [
        row.scenario,
        row.load,
        f"{row.audio_per_s:.0f}",
        _number(row.cpu_s_per_audio_hour, ".1f"),
        _milliseconds(row.final),
        _milliseconds(row.partial),
        _number(row.peak_rss_mb, ".0f"),
        f"{row.num_errors} {row.note}".strip() if row.num_errors or row.note else "0",
    ]


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _milliseconds(of: Percentiles | None) -> str:
    return "-" if of is None else f"{of.p50 * 1e3:.0f}/{of.p95 * 1e3:.0f}/{of.p99 * 1e3:.0f}"
