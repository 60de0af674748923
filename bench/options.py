"""What a benchmark measures and how long it may take."""

from dataclasses import dataclass, field
from pathlib import Path

from service.engine.options import RuntimeOptions

TARGET_P99_S = 0.5
"""A level of streams is carried if its p99 final latency stays below this."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much of everything is measured. Durations are seconds."""

    sweep_s: float  # of each engine setting and each raw batch shape
    files_s: float  # of each load of files
    level_s: float  # of each load of streams
    session_s: float  # of speech, on average, before a stream finishes and opens again
    num_file_clients: int
    first_streams: int  # the first level of the search
    most_streams: int  # the search goes no further
    num_bisections: int  # between the last level that was carried and the first that was not
    mixed_streams: int  # beside which a long file is transcribed
    long_file_s: float  # of audio
    file_s: float = 60.0  # of audio, of the files that are measured besides the clips as they are
    decoders: tuple[str, ...] = ("greedy", "beam")
    with_peers: bool = True


QUICK = Plan(
    sweep_s=0.5,
    files_s=3.0,
    level_s=4.0,
    session_s=2.5,
    num_file_clients=32,
    first_streams=50,
    most_streams=400,
    num_bisections=0,
    mixed_streams=20,
    long_file_s=120.0,
    decoders=("greedy",),
)

FULL = Plan(
    sweep_s=3.0,
    files_s=15.0,
    level_s=20.0,
    session_s=6.0,
    num_file_clients=32,
    first_streams=50,
    most_streams=3200,
    num_bisections=3,
    mixed_streams=100,
    long_file_s=3600.0,
)


@dataclass(frozen=True, slots=True)
class BenchOptions:
    """One run of the benchmark."""

    model: Path  # folder of the bundle
    output: Path  # folder of the report
    plan: Plan
    audio: Path | None = None  # speech to send, a file or a folder; None: a synthetic fixture
    runtime: RuntimeOptions = field(default_factory=RuntimeOptions)
    time_limit_s: float = 1800.0  # what would begin later is left out
    piece_ms: int = 100  # audio in one WebSocket message
    soak_chunks: int = 0  # live chunks of a soak; 0: none
