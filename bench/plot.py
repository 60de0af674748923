"""Latency against load, as a picture."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from bench.measures import Row
from bench.options import TARGET_P99_S


def draw(rows: Sequence[Row], path: Path) -> None:
    """p50 and p99 of the final over the number of streams, a colour a scenario."""
    figure = Figure(figsize=(8, 5), layout="constrained")
    axes = figure.subplots()
    for index, scenario in enumerate(sorted({row.scenario for row in rows})):
        levels = [row for row in rows if row.scenario == scenario and row.final]
        levels.sort(key=lambda row: row.num_clients)
        numbers = [row.num_clients for row in levels]
        finals = [row.final for row in levels if row.final]
        colour = f"C{index}"
        axes.plot(numbers, [f.p99 for f in finals], "o-", color=colour, label=f"{scenario}: p99")
        axes.plot(numbers, [f.p50 for f in finals], "o:", color=colour, label=f"{scenario}: p50")
    axes.axhline(TARGET_P99_S, color="grey", linestyle="--", linewidth=1)
    axes.set(xlabel="live streams", ylabel="seconds to the final", yscale="log")
    if rows:
        axes.legend()
    figure.savefig(path, dpi=120)
