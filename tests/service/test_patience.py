"""Waits are bounded, and a cancellation from elsewhere stays one."""

import asyncio
import weakref

import pytest

from service.api.patience import Patience


async def test_what_comes_in_time_is_given() -> None:
    patience = Patience(0.05)
    for _ in range(8):  # longer together than one may take
        assert await patience.wait(asyncio.sleep(0.01, "here")) == "here"


async def test_a_wait_that_takes_too_long_is_ended_and_the_task_goes_on() -> None:
    patience, task = Patience(0.02), asyncio.current_task()
    assert task is not None
    await patience.wait(asyncio.sleep(0.01))  # its timer runs out in the next wait, too early
    for _ in range(2):
        with pytest.raises(TimeoutError):
            await patience.wait(asyncio.sleep(10))
        assert task.cancelling() == 0
    assert await patience.wait(asyncio.sleep(0, "here")) == "here"


async def test_time_between_waits_does_not_count() -> None:
    patience = Patience(0.02)
    await patience.wait(asyncio.sleep(0))
    await asyncio.sleep(0.05)
    assert await patience.wait(asyncio.sleep(0.01, "here")) == "here"


async def test_a_cancellation_from_elsewhere_is_none_of_its_own() -> None:
    waiting = asyncio.create_task(Patience(10.0).wait(asyncio.sleep(10)))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_cancellation_that_comes_meanwhile_wins() -> None:
    async def slow_to_end() -> None:
        try:
            await asyncio.sleep(10)
        finally:
            waiting.cancel()

    waiting = asyncio.create_task(Patience(0.01).wait(slow_to_end()))
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_what_is_waited_for_may_fail() -> None:
    async def fail() -> None:
        raise ValueError("by itself")

    with pytest.raises(ValueError, match="by itself"):
        await Patience(1.0).wait(fail())


async def test_who_has_closed_it_is_not_kept() -> None:
    patience = Patience(10.0)
    await patience.wait(asyncio.sleep(0))
    patience.close()
    kept = weakref.ref(patience)
    del patience
    assert kept() is None
