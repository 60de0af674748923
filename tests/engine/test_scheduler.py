"""The scheduler under random interleavings: nothing lost, nothing twice, nobody left waiting."""

import asyncio
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any, TypeAlias

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.errors import Overloaded, StreamClosed
from service.engine.options import Priority
from service.engine.scheduler import Scheduler, SchedulerLimits, Seat

LIMITS = SchedulerLimits(num_workers=2, max_batch_size=4, max_seats=8)
ONE_WORKER = SchedulerLimits(num_workers=1, max_batch_size=4, max_seats=8)
TIMEOUT_S = 20.0
BAD = -1

Work: TypeAlias = tuple[str, int]  # caller, number; the runner fails at number BAD


@dataclass
class Runner:
    """Echoes jobs, notes its batches, can be held."""

    error: Exception = field(default_factory=lambda: ValueError("bad job"))
    batches: list[list[Work]] = field(default_factory=list)
    most_at_once: int = 0
    may_run: threading.Event = field(default_factory=threading.Event)
    _started: threading.Event = field(default_factory=threading.Event)
    _at_once: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.may_run.set()

    def __call__(self, jobs: Sequence[Work]) -> list[Work]:
        with self._lock:
            self.batches.append(list(jobs))
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self._started.set()
        assert self.may_run.wait(TIMEOUT_S)
        with self._lock:
            self._at_once -= 1
        if any(number == BAD for _, number in jobs):
            raise self.error
        return list(jobs)

    async def has_started(self) -> None:
        assert await asyncio.to_thread(self._started.wait, TIMEOUT_S)


@asynccontextmanager
async def running(
    runner: Runner, limits: SchedulerLimits = LIMITS
) -> AsyncIterator[Scheduler[Work, Work]]:
    """A scheduler that must not log, lose or delay anything."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    scheduler = Scheduler(runner, limits)
    try:
        async with asyncio.timeout(TIMEOUT_S):
            yield scheduler
    finally:
        runner.may_run.set()
        await scheduler.stop()
    assert complaints == []


async def start(seat: Seat[Work, Work], work: Work, key: int = 0) -> asyncio.Task[Work]:
    """Submit in a task of its own, which is waiting when this returns."""

    async def submit() -> Work:
        return (await seat.submit(work, key)).result

    task = asyncio.create_task(submit())
    await asyncio.sleep(0)
    return task


@dataclass(frozen=True)
class Caller:
    priority: Priority
    works: tuple[tuple[int, int], ...]  # (number, key)
    leaves_after: int | None  # turns of the event loop until it is cancelled
    closes: bool  # or closes its seat rather than being cancelled


BUSY = Caller(Priority.LIVE, ((1, 0),) * 12, leaves_after=None, closes=False)
CALLERS = st.lists(
    st.builds(
        Caller,
        st.sampled_from(Priority),
        st.lists(st.tuples(st.sampled_from([BAD, 1, 2, 3]), st.integers(0, 1)), max_size=5).map(
            tuple
        ),
        st.none() | st.integers(0, 12),
        st.booleans(),
    ),
    max_size=LIMITS.max_seats,
)


async def call(seat: Seat[Work, Work], name: str, caller: Caller) -> list[str]:
    """Submit all works one after the other; check what comes back."""
    outcomes = []
    for index, (number, key) in enumerate(caller.works):
        try:
            completed = await seat.submit((f"{name}/{index}/{key}", number), key)
        except (ValueError, RuntimeError):  # RuntimeError stands for StopIteration
            assert number == BAD
            outcomes.append("failed")
        else:
            assert completed.result == (f"{name}/{index}/{key}", number)
            assert completed.queued_s >= 0
            assert completed.run_s >= 0
            outcomes.append("done")
    return outcomes


async def call_and_leave(scheduler: Scheduler[Work, Work], name: str, caller: Caller) -> None:
    seat = scheduler.admit(caller.priority)
    task = asyncio.create_task(call(seat, name, caller))
    try:
        if caller.leaves_after is not None:
            for _ in range(caller.leaves_after):
                await asyncio.sleep(0)
            seat.close() if caller.closes else task.cancel()
        outcomes = await task
        assert outcomes == ["failed" if number == BAD else "done" for number, _ in caller.works], (
            "order is kept and nothing is lost"
        )
    except (asyncio.CancelledError, StreamClosed):
        assert caller.leaves_after is not None
    finally:
        seat.close()


@settings(deadline=None, max_examples=40)
@given(callers=CALLERS, error=st.sampled_from([ValueError("bad job"), StopIteration()]))
def test_any_interleaving(callers: list[Caller], error: Exception) -> None:
    runner = Runner(error)

    async def run() -> None:
        async with running(runner) as scheduler:
            calls = [
                call_and_leave(scheduler, str(index), caller)
                for index, caller in enumerate(callers)
            ]
            await asyncio.gather(*calls)
            with_all_gone = scheduler.admit(Priority.BULK)
            assert (await with_all_gone.submit(("last", 1), 0)).result == ("last", 1)

    asyncio.run(run())
    assert runner.most_at_once <= LIMITS.num_workers
    for batch in runner.batches:
        assert 1 <= len(batch) <= LIMITS.max_batch_size
        assert len({name.split("/")[-1] for name, _ in batch}) == 1, "one key a batch"
    good = [work for batch in runner.batches for work in batch if not _has_bad(batch)]
    assert len(good) == len(set(good)), "nothing succeeds twice"


def _has_bad(batch: list[Work]) -> bool:
    return any(number == BAD for _, number in batch)


async def test_what_queues_while_the_worker_runs_is_the_next_batch() -> None:
    runner = Runner()
    async with running(runner, ONE_WORKER) as scheduler:
        runner.may_run.clear()
        seats = [scheduler.admit(Priority.LIVE) for _ in range(6)]
        tasks = [await start(seats[0], ("0", 0))]
        await runner.has_started()
        tasks += [await start(seat, (str(i), 0)) for i, seat in enumerate(seats[1:], 1)]
        runner.may_run.set()
        await asyncio.gather(*tasks)
    assert [[name for name, _ in batch] for batch in runner.batches] == [
        ["0"],
        ["1", "2", "3", "4"],
        ["5"],
    ]


async def test_callers_that_are_ready_together_share_a_batch() -> None:
    runner = Runner()
    async with running(runner) as scheduler:
        seats = [scheduler.admit(Priority.LIVE) for _ in range(4)]
        await asyncio.gather(*(seat.submit((str(i), 0), 0) for i, seat in enumerate(seats)))
    assert len(runner.batches) == 1


async def test_live_goes_first() -> None:
    runner = Runner()
    async with running(runner, ONE_WORKER) as scheduler:
        runner.may_run.clear()
        seats = [scheduler.admit(Priority.BULK) for _ in range(2)]
        tasks = [await start(seats[0], ("first", 0))]
        await runner.has_started()
        tasks.append(await start(seats[1], ("bulk", 0), key=1))
        tasks.append(await start(scheduler.admit(Priority.LIVE), ("live", 0)))
        runner.may_run.set()
        await asyncio.gather(*tasks)
    assert [batch[0][0] for batch in runner.batches] == ["first", "live", "bulk"]


async def test_a_bad_job_fails_alone() -> None:
    runner = Runner()
    async with running(runner) as scheduler:
        seats = [scheduler.admit(Priority.LIVE) for _ in range(3)]
        works = [("a", 1), ("b", BAD), ("c", 3)]
        tasks = [seat.submit(work, 0) for seat, work in zip(seats, works, strict=True)]
        good, bad, also_good = await asyncio.gather(*tasks, return_exceptions=True)
    assert not isinstance(good, BaseException)
    assert good.result == ("a", 1)
    assert bad is runner.error
    assert not isinstance(also_good, BaseException)
    assert also_good.result == ("c", 3)


async def test_a_runner_that_loses_a_job_is_an_error_and_not_a_wait() -> None:
    def lose(jobs: Sequence[int]) -> list[int]:
        return list(jobs[1:])

    scheduler = Scheduler(lose, LIMITS)
    with pytest.raises(RuntimeError, match="0 results for 1 jobs"):
        await scheduler.admit(Priority.LIVE).submit(1, 0)
    await scheduler.stop()


async def test_admission_is_bounded() -> None:
    async with running(Runner()) as scheduler:
        seats = [scheduler.admit(Priority.LIVE) for _ in range(LIMITS.max_seats)]
        with pytest.raises(Overloaded, match="all 8 streams") as refusal:
            scheduler.admit(Priority.BULK)
        assert refusal.value.retry_after_s > 0
        seats[0].close()
        seats[0].close()
        scheduler.admit(Priority.BULK)
        with pytest.raises(Overloaded):
            scheduler.admit(Priority.BULK)


async def test_it_knows_whether_anybody_is_live() -> None:
    async with running(Runner()) as scheduler:
        scheduler.admit(Priority.BULK)
        assert not scheduler.has_live_callers()
        seats = [scheduler.admit(Priority.LIVE) for _ in range(2)]
        for seat in (seats[0], seats[0]):
            seat.close()
            assert scheduler.has_live_callers()
        seats[1].close()
        assert not scheduler.has_live_callers()


@pytest.mark.parametrize("closes", [True, False], ids=["closed", "cancelled"])
async def test_the_queued_job_of_a_departed_caller_never_runs(closes: bool) -> None:
    runner = Runner()
    async with running(runner, ONE_WORKER) as scheduler:
        runner.may_run.clear()
        staying = await start(scheduler.admit(Priority.LIVE), ("stays", 0))
        await runner.has_started()
        seat = scheduler.admit(Priority.LIVE)
        leaving = await start(seat, ("leaves", 0))
        seat.close() if closes else leaving.cancel()
        with pytest.raises(StreamClosed if closes else asyncio.CancelledError):
            await leaving
        runner.may_run.set()
        await staying
    assert runner.batches == [[("stays", 0)]]


@pytest.mark.parametrize("closes", [True, False], ids=["closed", "cancelled"])
async def test_a_caller_may_leave_while_its_job_runs(closes: bool) -> None:
    runner = Runner()
    async with running(runner) as scheduler:
        runner.may_run.clear()
        seats = [scheduler.admit(Priority.LIVE) for _ in range(2)]
        leaving, staying = [await start(seat, (str(i), i)) for i, seat in enumerate(seats)]
        await runner.has_started()
        seats[0].close() if closes else leaving.cancel()
        with pytest.raises(StreamClosed if closes else asyncio.CancelledError):
            await leaving
        runner.may_run.set()
        assert await staying == ("1", 1)


async def test_a_seat_has_one_job_in_flight() -> None:
    runner = Runner()
    async with running(runner) as scheduler:
        runner.may_run.clear()
        seat = scheduler.admit(Priority.LIVE)
        first = await start(seat, ("first", 0))
        with pytest.raises(RuntimeError, match="one job at a time"):
            await seat.submit(("second", 0), 0)
        runner.may_run.set()
        assert await first == ("first", 0)


async def test_stop_finishes_what_is_queued_and_refuses_what_is_new() -> None:
    runner = Runner()
    async with running(runner, ONE_WORKER) as scheduler:
        runner.may_run.clear()
        seats = [scheduler.admit(Priority.BULK) for _ in range(6)]
        tasks = [await start(seat, (str(i), i)) for i, seat in enumerate(seats)]
        stopping = asyncio.create_task(scheduler.stop())
        await asyncio.sleep(0)
        with pytest.raises(StreamClosed, match="shutting down"):
            scheduler.admit(Priority.LIVE)
        runner.may_run.set()
        await stopping
        assert [await task for task in tasks] == [(str(i), i) for i in range(6)]
        with pytest.raises(StreamClosed):
            await seats[0].submit(("late", 0), 0)


async def test_a_stop_that_is_cancelled_leaves_nobody_waiting() -> None:
    runner = Runner()
    async with running(runner, ONE_WORKER) as scheduler:
        runner.may_run.clear()
        seats = [scheduler.admit(Priority.BULK) for _ in range(6)]
        tasks = [await start(seat, (str(i), i)) for i, seat in enumerate(seats)]
        stopping = asyncio.create_task(scheduler.stop())
        await asyncio.sleep(0)
        stopping.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(isinstance(outcome, StreamClosed) for outcome in outcomes)


async def test_nobody_is_admitted_while_live_jobs_are_late() -> None:
    limits = replace(ONE_WORKER, max_live_delay_s=1e-9)  # which any delay exceeds
    async with running(Runner(), limits) as scheduler:
        seat = scheduler.admit(Priority.LIVE)
        await seat.submit(("first", 0), 0)
        for priority in Priority:
            with pytest.raises(Overloaded, match="ms late") as refusal:
                scheduler.admit(priority)
            assert refusal.value.retry_after_s >= limits.retry_after_s
        assert (await seat.submit(("second", 0), 0)).result == ("second", 0), "who is in stays in"


async def test_late_bulk_jobs_keep_nobody_out() -> None:
    async with running(Runner(), replace(ONE_WORKER, max_live_delay_s=1e-9)) as scheduler:
        await scheduler.admit(Priority.BULK).submit(("file", 0), 0)
        scheduler.admit(Priority.LIVE)


async def test_bulk_gets_its_share_while_live_never_rests() -> None:
    runner = Runner()
    async with running(runner, ONE_WORKER) as scheduler:
        runner.may_run.clear()
        live = [scheduler.admit(Priority.LIVE) for _ in range(6)]
        tasks = [asyncio.create_task(call(seat, f"live{i}", BUSY)) for i, seat in enumerate(live)]
        bulk = scheduler.admit(Priority.BULK)
        tasks.append(asyncio.create_task(call(bulk, "bulk", replace(BUSY, works=((1, 9),) * 5))))
        await runner.has_started()
        runner.may_run.set()
        await asyncio.gather(*tasks)
    kinds = [batch[0][0].startswith("bulk") for batch in runner.batches]
    positions = [index for index, is_bulk in enumerate(kinds) if is_bulk]
    assert len(positions) == 5
    gaps = [second - first for first, second in pairwise(positions)]
    assert max(gaps) <= ONE_WORKER.live_batches_per_bulk + 1, "bulk does not starve"
    assert min(gaps) > 1, "nor does live"


@settings(deadline=None, max_examples=25)
@given(fails=st.lists(st.booleans(), max_size=12), num_callers=st.integers(1, LIMITS.max_seats))
def test_an_exception_in_any_batch_reaches_only_its_callers(
    fails: list[bool], num_callers: int
) -> None:
    """A runner that fails now and then, and every caller gets each answer once, in order."""
    runs_that_fail = iter(fails)  # of which two workers may ask at once
    failed_alone: list[Work] = []
    told: list[Work] = []

    class Flaky(Runner):
        def __call__(self, jobs: Sequence[Work]) -> list[Work]:
            if next(runs_that_fail, False):
                failed_alone.extend(jobs if len(jobs) == 1 else ())
                raise OSError("this batch, whoever is in it")
            return super().__call__(jobs)

    async def caller(scheduler: Scheduler[Work, Work], name: str) -> None:
        seat = scheduler.admit(Priority.LIVE)
        for number in range(4):
            try:
                completed = await seat.submit((name, number), 0)
            except OSError:
                told.append((name, number))
                continue
            assert completed.result == (name, number)
        seat.close()

    async def run() -> None:
        async with running(Flaky(), LIMITS) as scheduler:
            await asyncio.gather(*(caller(scheduler, str(i)) for i in range(num_callers)))
            for _ in range(LIMITS.max_seats):
                scheduler.admit(Priority.BULK)

    asyncio.run(run())
    assert sorted(told) == sorted(failed_alone)
