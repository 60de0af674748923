"""What is measured of a load: latencies, throughput, and what it cost the server."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True, slots=True)
class Percentiles:
    """Of latencies, in seconds."""

    count: int
    p50: float
    p95: float
    p99: float
    largest: float

    @classmethod
    def of(cls, latencies_s: Sequence[float]) -> "Percentiles | None":
        """None where nothing was measured."""
        if not latencies_s:
            return None
        p50, p95, p99 = np.percentile(latencies_s, (50, 95, 99)).tolist()
        return cls(len(latencies_s), p50, p95, p99, max(latencies_s))


@dataclass(frozen=True, slots=True)
class Load:
    """What one or more processes that made a load saw of it."""

    audio_s: float = 0.0  # sent and answered
    num_answers: int = 0  # files or streams
    wall_s: float = 0.0
    client_cpu_s: float = 0.0
    finals_s: tuple[float, ...] = ()  # from the last audio to the final text, or of a whole file
    partials_s: tuple[float, ...] = ()  # from the audio that completes a chunk to the next partial
    lags_s: tuple[float, ...] = ()  # how late audio was sent: the load generator's own delay
    errors: tuple[str, ...] = ()

    @staticmethod
    def together(loads: Iterable["Load"]) -> "Load":
        """Loads that were made at the same time, as one."""
        parts = list(loads)
        return Load(
            audio_s=sum(part.audio_s for part in parts),
            num_answers=sum(part.num_answers for part in parts),
            wall_s=max((part.wall_s for part in parts), default=0.0),
            client_cpu_s=sum(part.client_cpu_s for part in parts),
            finals_s=tuple(latency for part in parts for latency in part.finals_s),
            partials_s=tuple(latency for part in parts for latency in part.partials_s),
            lags_s=tuple(lag for part in parts for lag in part.lags_s),
            errors=tuple(error for part in parts for error in part.errors),
        )


@dataclass(frozen=True, slots=True)
class Usage:
    """What a server process used meanwhile."""

    cpu_s: float
    peak_rss_bytes: int


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the report."""

    scenario: str
    load: str  # of how many clients
    audio_per_s: float  # audio seconds per second
    cpu_s_per_audio_hour: float | None = None
    final: Percentiles | None = None
    partial: Percentiles | None = None
    peak_rss_mb: float | None = None
    num_errors: int = 0
    note: str = ""
    num_clients: int = 0
    details: dict[str, float] = field(default_factory=dict)


def row(scenario: str, num_clients: int, load: Load, usage: Usage) -> Row:
    """The line of a load on a server."""
    lag = Percentiles.of(load.lags_s)
    details = {"client_cpu_s": load.client_cpu_s, "answers": float(load.num_answers)}
    if lag is not None:
        details["generator_lag_p99_s"] = lag.p99
    return Row(
        scenario=scenario,
        load=str(num_clients),
        audio_per_s=load.audio_s / load.wall_s if load.wall_s else 0.0,
        cpu_s_per_audio_hour=3600 * usage.cpu_s / load.audio_s if load.audio_s else None,
        final=Percentiles.of(load.finals_s),
        partial=Percentiles.of(load.partials_s),
        peak_rss_mb=usage.peak_rss_bytes / 2**20,
        num_errors=len(load.errors),
        note=load.errors[0] if load.errors else "",
        num_clients=num_clients,
        details=details,
    )
