"""Continuous batching: whatever queued while the workers were busy is the next batch.

There is no timer and no polling. Everything but `run_batch` happens on the event loop, so there
are no locks either.
"""

import asyncio
import math
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any, Generic, TypeVar

from service.engine.batch import Completed, Job, run_isolated, settle
from service.engine.errors import Overloaded, StreamClosed
from service.engine.job_queue import JobQueue, Queued
from service.engine.load_gauge import LoadGauge
from service.engine.options import Priority
from service.engine.tally import Tally

J = TypeVar("J")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class SchedulerLimits:
    """Bounds of a scheduler."""

    num_workers: int
    max_batch_size: int
    max_seats: int
    max_live_delay_s: float = math.inf  # of live jobs, on average; nobody is admitted beyond it
    live_batches_per_bulk: int = 4
    retry_after_s: float = 1.0  # told to those who are refused, at least


class Scheduler(Generic[J, R]):
    """Runs the jobs of many callers in batches, on a few threads. Lives on one event loop.

    Args:
        run_batch: gets 1 to `max_batch_size` jobs of one key, in a worker thread, and returns as
            many results in their order. If it raises, its jobs run again one by one, so that a bad
            job fails alone; it must therefore change nothing before it has succeeded.
        limits: its bounds.
        key_limit: the most jobs of a key in one batch, where that is less than `max_batch_size`.
    """

    def __init__(
        self,
        run_batch: Callable[[Sequence[J]], Sequence[R]],
        limits: SchedulerLimits,
        key_limit: Callable[[Any], int] | None = None,
    ) -> None:
        self._run_batch = run_batch
        self._limits = limits
        self._queue: JobQueue[Job[J, R]] = JobQueue(limits.live_batches_per_bulk, key_limit)
        self._gauge = LoadGauge()
        self._executor = ThreadPoolExecutor(limits.num_workers, thread_name_prefix="scheduler")
        self._running: set[asyncio.Task[None]] = set()
        self._seats: set[Seat[J, R]] = set()
        self._tally = Tally()
        self._dispatch_is_due = False
        self._stopping = False

    @property
    def tally(self) -> Tally:
        """What it does and has done; for reading only."""
        return self._tally

    @property
    def live_delay_s(self) -> float:
        """How late live jobs are at present, on average."""
        return self._gauge.delay_s(time.perf_counter())

    def admit(self, priority: Priority) -> "Seat[J, R]":
        """Let one more caller in; the seat is the caller's to close.

        Raises:
            Overloaded: all seats are taken, or live jobs are late already.
            StreamClosed: the scheduler is stopping.
        """
        self.check_room()
        seat = Seat(self, priority)
        self._seats.add(seat)
        self._tally.admit(priority)
        return seat

    async def stop(self) -> None:
        """Accept nothing more, finish what is queued, release the threads."""
        self._stopping = True
        try:
            self._dispatch()
            while self._running:
                await asyncio.wait(self._running)
                self._dispatch()
        finally:
            for seat in tuple(self._seats):
                seat.close()
            self._executor.shutdown(wait=False, cancel_futures=True)

    def check_room(self) -> None:
        """Raise what `admit` would raise now, and admit nobody."""
        self.check_running()
        refusal = self._refusal()
        if refusal is not None:
            self._tally.num_refused += 1
            raise refusal

    def check_running(self) -> None:
        """Raise StreamClosed if it is stopping; a full one runs all the same."""
        if self._stopping:
            raise StreamClosed("the engine is shutting down")

    def has_live_callers(self) -> bool:
        """Whether a seat for live jobs is taken."""
        return self._tally.num_open[Priority.LIVE] > 0

    def enqueue(self, job: J, key: Hashable, priority: Priority) -> Queued[Job[J, R]]:
        """Queue a job for a seat."""
        self.check_running()
        future: asyncio.Future[Completed[R]] = asyncio.get_running_loop().create_future()
        queued = self._queue.push(Job(job, time.perf_counter(), future, priority), key, priority)
        self._make_dispatch_due()
        return queued

    def release(self, seat: "Seat[J, R]") -> None:
        """Give a seat's place to the next caller, if it has one still."""
        if seat in self._seats:
            self._seats.remove(seat)
            self._tally.release(seat.priority)

    def withdraw(self, queued: Queued[Job[J, R]]) -> None:
        """Drop a job that nobody waits for, unless it is running already."""
        self._queue.discard(queued)

    def _refusal(self) -> Overloaded | None:
        limits, now_s = self._limits, time.perf_counter()
        if len(self._seats) >= limits.max_seats:
            return Overloaded(f"all {limits.max_seats} streams are in use", limits.retry_after_s)
        wait_s = self._gauge.seconds_until(limits.max_live_delay_s, now_s)
        if wait_s > 0:
            delay_ms = 1000 * self._gauge.delay_s(now_s)
            message = f"live streams are {delay_ms:.0f} ms late; more would make them later"
            return Overloaded(message, max(limits.retry_after_s, wait_s))
        return None

    def _make_dispatch_due(self) -> None:
        # After the tasks that are ready to run: what they submit now belongs to the same batch.
        if not self._dispatch_is_due:
            self._dispatch_is_due = True
            asyncio.get_running_loop().call_soon(self._dispatch)

    def _dispatch(self) -> None:
        self._dispatch_is_due = False
        while self._queue and len(self._running) < self._limits.num_workers:
            taken = self._queue.take(self._limits.max_batch_size)
            batch = [queued.item for queued in taken if not queued.item.future.done()]
            if batch:
                task = asyncio.get_running_loop().create_task(self._run(batch))
                self._running.add(task)
                task.add_done_callback(partial(self._end, batch))

    async def _run(self, batch: Sequence[Job[J, R]]) -> None:
        run_in_executor = asyncio.get_running_loop().run_in_executor
        outcomes = await run_in_executor(self._executor, run_isolated, self._run_batch, batch)
        self._note_delay(batch, outcomes)
        self._tally.finish(batch, outcomes)
        for job, outcome in zip(batch, outcomes, strict=True):
            settle(job, outcome)

    def _note_delay(
        self, batch: Sequence[Job[J, R]], outcomes: Sequence[Completed[R] | Exception]
    ) -> None:
        now_s = time.perf_counter()
        delays_s = [
            now_s - job.queued_at_s - outcome.run_s
            for job, outcome in zip(batch, outcomes, strict=True)
            if job.priority is Priority.LIVE and isinstance(outcome, Completed)
        ]
        if delays_s:
            self._gauge.observe(sum(delays_s) / len(delays_s), now_s)

    def _end(self, batch: Sequence[Job[J, R]], task: asyncio.Task[None]) -> None:
        for job in batch:  # however the batch ended, nobody is left waiting
            settle(job, StreamClosed("the engine stopped while this step ran"))
        self._running.discard(task)
        self._make_dispatch_due()


class Seat(Generic[J, R]):
    """One caller's admission. It has at most one job in flight."""

    def __init__(self, scheduler: Scheduler[J, R], priority: Priority) -> None:
        self._scheduler = scheduler
        self.priority = priority
        self._queued: Queued[Job[J, R]] | None = None
        self._closed = False

    async def submit(self, job: J, key: Hashable) -> Completed[R]:
        """Run `job`, together with others of the same key.

        Raises:
            StreamClosed: the seat is or gets closed, or the scheduler stops.
            Whatever the runner raises for this job.
        """
        if self._closed:
            raise StreamClosed("the stream is closed")
        if self._queued is not None:
            raise RuntimeError("a seat submits one job at a time")
        queued = self._queued = self._scheduler.enqueue(job, key, self.priority)
        try:
            return await queued.item.future
        finally:
            self._scheduler.withdraw(queued)
            self._queued = None

    def note_audio(self, num_samples: int) -> None:
        """Have it counted that the caller brought so much."""
        self._scheduler.tally.num_samples[self.priority] += num_samples

    def close(self) -> None:
        """Give the seat up; a job of it that has not started never does. Idempotent."""
        self._closed = True
        self._scheduler.release(self)
        if self._queued is not None:
            settle(self._queued.item, StreamClosed("the stream was closed"))
            self._scheduler.withdraw(self._queued)
