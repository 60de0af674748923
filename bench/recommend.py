"""The settings that this machine should run with, from what was measured on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import psutil

from bench.measures import Row
from bench.scenarios import most_carried
from service.engine.options import RuntimeOptions

BULK_CHUNKS = (2, 4, 8, 16)  # in one batch
_HEADROOM = 0.8  # of the streams that were carried: other work comes, too
_WORTH_IT = 1.03  # a larger batch delays every stream in it


T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Settings of `longwave serve`."""

    workers: int
    max_batch_size: int
    max_batch_audio_s: float
    max_streams: int | None  # None: not measured, or not even the first level was carried

    @property
    def command(self) -> str:
        """The command line that runs with them."""
        streams = "" if self.max_streams is None else f" --max-streams {self.max_streams}"
        return (
            f"longwave serve --workers {self.workers} --max-batch-size {self.max_batch_size}"
            f" --max-batch-audio-s {self.max_batch_audio_s:g}{streams}"
        )


@dataclass(frozen=True, slots=True)
class Tried:
    """An engine setting and what it came to."""

    runtime: RuntimeOptions
    row: Row


def sweep(
    runtime: RuntimeOptions, bulk_chunk_s: float, measure: Callable[[RuntimeOptions], Row]
) -> list[Tried]:
    """Measure files with each number of workers and each number of bulk chunks in a batch."""
    tried = []
    for num_workers in sorted({1, len(psutil.Process().cpu_affinity())}):
        for num_chunks in BULK_CHUNKS:
            audio_s = round(num_chunks * bulk_chunk_s, 3)
            options = replace(runtime, num_workers=num_workers, max_batch_audio_s=audio_s)
            load = f"{num_workers} workers, {num_chunks} chunks a batch"
            tried.append(Tried(options, replace(measure(options), load=load)))
    return tried


def recommend(
    tried: Sequence[Tried], live: Sequence[Row], streams: Sequence[Row]
) -> Recommendation:
    """The fastest settings, where a larger batch must be worth it; streams with room to spare.

    Args:
        tried: engine settings under files.
        live: the raw throughput of live chunks by batch size.
        streams: the levels of streams that the service was given.
    """
    best = _smallest_of_the_fast(tried, [each.row for each in tried]).runtime
    max_batch_size = _smallest_of_the_fast(live, live).num_clients
    max_streams = round(_HEADROOM * most_carried(streams)) or None
    return Recommendation(best.num_workers, max_batch_size, best.max_batch_audio_s, max_streams)


def _smallest_of_the_fast(choices: Sequence[T], rows: Sequence[Row]) -> T:
    """Of choices from small to large, the last that was worth more than the one before it."""
    best = 0
    for index, row in enumerate(rows):
        if row.audio_per_s > _WORTH_IT * rows[best].audio_per_s:
            best = index
    return choices[best]
