"""The settings that this machine should run with, from what was measured on it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from bench.measures import Row
from bench.scenarios import most_carried
from service.engine.options import RuntimeOptions

BATCH_SIZES = (8, 16, 32, 64)
_HEADROOM = 0.8  # of the streams that were carried: other work comes, too
_WORTH_IT = 1.03  # a larger batch delays every stream in it


@dataclass(frozen=True, slots=True)
class Recommendation:
    """Settings of `longwave serve`."""

    workers: int
    max_batch_size: int
    max_streams: int | None  # None: not measured, or not even the first level was carried

    @property
    def command(self) -> str:
        """The command line that runs with them."""
        flags = f"--workers {self.workers} --max-batch-size {self.max_batch_size}"
        streams = "" if self.max_streams is None else f" --max-streams {self.max_streams}"
        return f"longwave serve {flags}{streams}"


@dataclass(frozen=True, slots=True)
class Tried:
    """An engine setting and what it came to."""

    runtime: RuntimeOptions
    row: Row


def sweep(
    runtime: RuntimeOptions, num_cores: int, measure: Callable[[RuntimeOptions], Row]
) -> list[Tried]:
    """Measure each number of workers with each batch size."""
    tried = []
    for num_workers in sorted({1, num_cores}):
        for batch_size in BATCH_SIZES:
            options = replace(runtime, num_workers=num_workers, max_batch_size=batch_size)
            load = f"{num_workers} workers, batch {batch_size}"
            tried.append(Tried(options, replace(measure(options), load=load)))
    return tried


def recommend(tried: Sequence[Tried], streams: Sequence[Row]) -> Recommendation:
    """The fastest setting, where a larger batch must be worth it; streams with room to spare."""
    best = tried[0]
    for each in tried[1:]:
        if each.row.audio_per_s > _WORTH_IT * best.row.audio_per_s:
            best = each
    carried = most_carried(streams)
    max_streams = round(_HEADROOM * carried) or None
    return Recommendation(best.runtime.num_workers, best.runtime.max_batch_size, max_streams)
