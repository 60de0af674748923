"""Jobs that share one run of a batch: what they cost, and that a bad one fails alone."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from service.engine.options import Priority

J = TypeVar("J")
R = TypeVar("R")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Completed(Generic[R]):
    """A job's result and what it cost."""

    result: R
    queued_s: float
    run_s: float  # of the whole batch


@dataclass(frozen=True, slots=True, eq=False)
class Job(Generic[J, R]):
    """A piece of work and the caller who waits for it."""

    work: J
    queued_at_s: float  # on the clock of `time.perf_counter`
    future: asyncio.Future[Completed[R]]
    priority: Priority


def run_isolated(
    run_batch: Callable[[Sequence[J]], Sequence[R]], jobs: Sequence[Job[J, R]]
) -> list[Completed[R] | Exception]:
    """Run jobs as one batch and, if that fails, one by one. Runs in a worker thread.

    Returns:
        One outcome a job, in their order.
    """
    started_s = time.perf_counter()
    try:
        results = run_batch([job.work for job in jobs])
        if len(results) != len(jobs):
            raise RuntimeError(f"{len(results)} results for {len(jobs)} jobs")
    except Exception as error:
        logger.warning("a batch of %d jobs failed", len(jobs), exc_info=True)
        if len(jobs) == 1:
            return [error]
        return [outcome for job in jobs for outcome in run_isolated(run_batch, [job])]
    run_s = time.perf_counter() - started_s
    return [
        Completed(result, started_s - job.queued_at_s, run_s)
        for job, result in zip(jobs, results, strict=True)
    ]


def settle(job: Job[J, R], outcome: Completed[R] | Exception) -> None:
    """Tell the caller, unless it has gone or knows already. On the event loop."""
    if job.future.done():
        return
    if isinstance(outcome, StopIteration):  # which a future cannot hold
        outcome = RuntimeError(f"the job raised {outcome!r}")
    if isinstance(outcome, Exception):
        job.future.set_exception(outcome)
    else:
        job.future.set_result(outcome)
