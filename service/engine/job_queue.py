"""Which jobs run next, and which together. Pure bookkeeping: no clock, no threads, no asyncio."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from service.engine.options import Priority

T = TypeVar("T")


@dataclass(frozen=True, slots=True, eq=False)
class Queued(Generic[T]):
    """A job's place in the queue."""

    item: T
    key: Hashable  # only jobs of one key can share a batch
    priority: Priority
    number: int  # increases with every job


class _Lane(Generic[T]):
    """The jobs of one priority, in order of arrival, apart by key."""

    def __init__(self) -> None:
        self._jobs: dict[Hashable, OrderedDict[int, Queued[T]]] = {}

    def __bool__(self) -> bool:
        return bool(self._jobs)

    def push(self, queued: Queued[T]) -> None:
        self._jobs.setdefault(queued.key, OrderedDict())[queued.number] = queued

    def discard(self, queued: Queued[T]) -> None:
        jobs = self._jobs.get(queued.key, OrderedDict())
        jobs.pop(queued.number, None)
        self._forget_if_empty(queued.key)

    def oldest_key(self) -> Hashable:
        return min(self._jobs, key=lambda key: next(iter(self._jobs[key])))

    def take(self, key: Hashable, max_jobs: int) -> list[Queued[T]]:
        jobs = self._jobs.get(key, OrderedDict())
        taken = [jobs.popitem(last=False)[1] for _ in range(min(max_jobs, len(jobs)))]
        self._forget_if_empty(key)
        return taken

    def _forget_if_empty(self, key: Hashable) -> None:
        if not self._jobs.get(key):
            self._jobs.pop(key, None)


class JobQueue(Generic[T]):
    """Live jobs before bulk jobs; neither starves.

    A batch starts with the oldest job of the priority whose turn it is and takes with it the next
    ones of the same key; room that is left goes to the other priority. While bulk jobs wait, at
    most `live_batches_per_bulk` live batches come before a bulk one; while live jobs wait, two
    bulk batches never follow each other. Bounded by whoever pushes.

    Args:
        live_batches_per_bulk: bulk's share.
        key_limit: the most jobs of a key in one batch; None: a batch is limited by its size only.
    """

    def __init__(
        self, live_batches_per_bulk: int, key_limit: Callable[[Any], int] | None = None
    ) -> None:
        self._live_batches_per_bulk = live_batches_per_bulk
        self._key_limit = key_limit
        self._lanes: dict[Priority, _Lane[T]] = {priority: _Lane() for priority in Priority}
        self._num_pushed = 0
        self._live_in_a_row = 0  # live batches taken while bulk jobs waited

    def __bool__(self) -> bool:
        return any(self._lanes.values())

    def push(self, item: T, key: Hashable, priority: Priority) -> Queued[T]:
        queued = Queued(item, key, priority, self._num_pushed)
        self._num_pushed += 1
        self._lanes[priority].push(queued)
        return queued

    def discard(self, queued: Queued[T]) -> None:
        """Take a job out, if it is still waiting."""
        self._lanes[queued.priority].discard(queued)

    def take(self, max_batch_size: int) -> list[Queued[T]]:
        """The next batch: 1 to `max_batch_size` jobs of one key. The queue must not be empty.

        A key's own limit holds, too, where there is one.
        """
        first = self._whose_turn()
        other = Priority.BULK if first is Priority.LIVE else Priority.LIVE
        key = self._lanes[first].oldest_key()
        if self._key_limit is not None:
            max_batch_size = max(1, min(max_batch_size, self._key_limit(key)))
        batch = self._lanes[first].take(key, max_batch_size)
        return batch + self._lanes[other].take(key, max_batch_size - len(batch))

    def _whose_turn(self) -> Priority:
        live, bulk = (bool(self._lanes[priority]) for priority in (Priority.LIVE, Priority.BULK))
        if live and not (bulk and self._live_in_a_row >= self._live_batches_per_bulk):
            self._live_in_a_row += bulk
            return Priority.LIVE
        self._live_in_a_row = 0
        return Priority.BULK
