"""Waits that end in time."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Patience:
    """Bounds the waits of one task, of which there is one at a time.

    As `asyncio.timeout` around each of them, for tasks that wait many times a second: one timer
    runs on through all waits, and is set anew only when it has run out. Whoever has no more waits
    closes it, or the timer would keep it until then.

    Args:
        limit_s: how long a wait may take.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._waiting: asyncio.Task[object] | None = None
        self._began_s = 0.0  # on the loop's clock
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False

    async def wait(self, awaitable: Awaitable[T], since_s: float | None = None) -> T:
        """The result of what is waited for.

        Args:
            since_s: when the wait began, on the monotonic clock, if not now.

        Raises:
            TimeoutError: it took too long, and was cancelled.
        """
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        assert task is not None
        num_cancellations = task.cancelling()
        now_s = loop.time()
        self._waiting, self._is_over = task, False
        self._began_s = now_s if since_s is None else since_s
        if self._timer is None:
            self._set_timer(max(0.0, self._began_s + self._limit_s - now_s))
        try:
            return await awaitable
        except asyncio.CancelledError:
            if self._is_over and task.uncancel() <= num_cancellations:
                raise TimeoutError from None
            raise
        finally:
            self._waiting = None

    def close(self) -> None:
        """Give up the timer. There must be no wait in progress."""
        if self._timer is not None:
            self._timer.cancel()

    def _set_timer(self, delay_s: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._check)

    def _check(self) -> None:
        self._timer = None
        if self._waiting is None:
            return
        left_s = self._began_s + self._limit_s - asyncio.get_running_loop().time()
        if left_s > 0:
            self._set_timer(left_s)
        else:
            self._is_over = True
            self._waiting.cancel()
