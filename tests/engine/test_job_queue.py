"""The queue's order: first come, first served, by turns, in batches of one key."""

from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.job_queue import JobQueue, Queued
from service.engine.options import Priority

LIVE_BATCHES_PER_BULK = 3
OPERATIONS = st.lists(
    st.tuples(st.just("push"), st.sampled_from(Priority), st.integers(0, 2))
    | st.tuples(st.just("discard"), st.integers(0, 30))
    | st.tuples(st.just("take"), st.integers(1, 4)),
    max_size=60,
)


@settings(deadline=None)
@given(OPERATIONS)
def test_every_job_is_taken_once_and_in_order(operations: list[tuple]) -> None:  # type: ignore[type-arg]
    queue: JobQueue[int] = JobQueue(LIVE_BATCHES_PER_BULK)
    pushed: list[Queued[int]] = []
    gone: set[int] = set()
    taken: list[Queued[int]] = []
    for operation, *arguments in [*operations, *[("take", 4)] * len(operations)]:
        if operation == "push":
            priority, key = arguments
            pushed.append(queue.push(len(pushed), key, priority))
        elif operation == "discard" and pushed:
            victim = pushed[arguments[0] % len(pushed)]
            queue.discard(victim)
            gone |= {victim.item} - {queued.item for queued in taken}
        elif operation == "take" and queue:
            batch = queue.take(*arguments)
            assert 1 <= len(batch) <= arguments[0]
            assert len({queued.key for queued in batch}) == 1
            taken += batch
    assert not queue
    assert Counter(queued.item for queued in taken) == Counter(
        queued.item for queued in pushed if queued.item not in gone
    )
    for priority in Priority:
        for key in range(3):
            numbers = [q.number for q in taken if (q.priority, q.key) == (priority, key)]
            assert numbers == sorted(numbers)


@settings(deadline=None)
@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 20))
def test_neither_priority_starves(batch_size: int, num_live: int, num_bulk: int) -> None:
    queue: JobQueue[str] = JobQueue(LIVE_BATCHES_PER_BULK)
    for priority, count in ((Priority.BULK, num_bulk), (Priority.LIVE, num_live)):
        for _ in range(count):
            queue.push("job", priority, priority)  # keys differ, so batches do not mix
    turns = []
    waiting = {Priority.LIVE: num_live, Priority.BULK: num_bulk}
    while all(waiting.values()):
        batch = queue.take(batch_size)
        turns.append(batch[0].priority)
        waiting[batch[0].priority] -= len(batch)
    expected = [Priority.LIVE] * LIVE_BATCHES_PER_BULK + [Priority.BULK]
    assert turns == (expected * len(turns))[: len(turns)]


def test_room_that_is_left_goes_to_the_other_priority() -> None:
    queue: JobQueue[str] = JobQueue(LIVE_BATCHES_PER_BULK)
    for name, key, priority in (
        ("bulk", 8, Priority.BULK),
        ("long", 128, Priority.BULK),
        ("live", 8, Priority.LIVE),
    ):
        queue.push(name, key, priority)
    assert [queued.item for queued in queue.take(4)] == ["live", "bulk"]
    assert [queued.item for queued in queue.take(4)] == ["long"]


def test_the_oldest_job_goes_first_whatever_its_key() -> None:
    queue: JobQueue[str] = JobQueue(LIVE_BATCHES_PER_BULK)
    for name, key in (("a", 1), ("b", 2), ("c", 1), ("d", 2)):
        queue.push(name, key, Priority.BULK)
    assert [queued.item for queued in queue.take(1)] == ["a"]
    assert [queued.item for queued in queue.take(4)] == ["b", "d"]
    assert [queued.item for queued in queue.take(4)] == ["c"]


@given(st.lists(st.tuples(st.sampled_from(Priority), st.integers(1, 9)), max_size=40))
def test_a_key_has_a_limit_of_its_own(jobs: list[tuple[Priority, int]]) -> None:
    queue: JobQueue[int] = JobQueue(LIVE_BATCHES_PER_BULK, key_limit=lambda key: 12 // key)
    for priority, key in jobs:
        queue.push(key, key, priority)
    num_taken = 0
    while queue:
        batch = queue.take(4)
        assert len(batch) <= min(4, 12 // batch[0].item) or len(batch) == 1
        num_taken += len(batch)
    assert num_taken == len(jobs)
