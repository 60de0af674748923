"""Error counts against brute force, and the interval's properties."""

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.score import (
    ErrorCounts,
    bootstrap_interval,
    character_errors,
    count_errors,
    total,
    word_errors,
)

SHORT = st.text("abc", max_size=7)


def brute_force(reference: str, hypothesis: str) -> ErrorCounts:
    """The best of all alignments: fewest errors, then fewest substitutions."""

    @cache
    def best(i: int, j: int) -> tuple[int, int, int, int]:  # errors, sub, del, ins
        if i == len(reference) and j == len(hypothesis):
            return (0, 0, 0, 0)
        choices = []
        if i < len(reference) and j < len(hypothesis):
            differs = int(reference[i] != hypothesis[j])
            errors, sub, dele, ins = best(i + 1, j + 1)
            choices.append((errors + differs, sub + differs, dele, ins))
        if i < len(reference):
            errors, sub, dele, ins = best(i + 1, j)
            choices.append((errors + 1, sub, dele + 1, ins))
        if j < len(hypothesis):
            errors, sub, dele, ins = best(i, j + 1)
            choices.append((errors + 1, sub, dele, ins + 1))
        return min(choices)

    _, substitutions, deletions, insertions = best(0, 0)
    return ErrorCounts(substitutions, deletions, insertions, len(reference))


@given(SHORT, SHORT)
def test_counts_equal_brute_force(reference: str, hypothesis: str) -> None:
    assert count_errors(reference, hypothesis) == brute_force(reference, hypothesis)


@given(SHORT, SHORT)
def test_swapping_the_texts_swaps_deletions_and_insertions(left: str, right: str) -> None:
    forward, backward = count_errors(left, right), count_errors(right, left)
    assert forward.errors == backward.errors
    assert (forward.deletions, forward.insertions) == (backward.insertions, backward.deletions)


@pytest.mark.parametrize(
    ("reference", "hypothesis", "expected"),
    [
        ("the cat sat", "the cat sat", ErrorCounts(0, 0, 0, 3)),
        ("the cat sat", "the bat", ErrorCounts(1, 1, 0, 3)),
        ("the cat", "the big fat cat", ErrorCounts(0, 0, 2, 2)),
        ("the cat", "", ErrorCounts(0, 2, 0, 2)),
        ("", "cat", ErrorCounts(0, 0, 1, 0)),
    ],
)
def test_word_errors(reference: str, hypothesis: str, expected: ErrorCounts) -> None:
    assert word_errors(reference, hypothesis) == expected


def test_character_errors_count_spaces() -> None:
    assert character_errors("a b", "ab") == ErrorCounts(0, 1, 0, 3)


def test_rate_of_an_empty_reference() -> None:
    assert ErrorCounts().rate == 0
    assert ErrorCounts(insertions=1).rate == float("inf")


def test_total_pools_errors_over_all_words() -> None:
    counts = [ErrorCounts(1, 0, 0, 1), ErrorCounts(0, 0, 0, 9)]
    assert total(counts) == ErrorCounts(1, 0, 0, 10)
    assert total(counts).rate == 0.1


COUNTS = st.lists(
    st.builds(
        ErrorCounts,
        substitutions=st.integers(0, 5),
        deletions=st.integers(0, 5),
        insertions=st.integers(0, 5),
        reference_length=st.integers(1, 20),
    ),
    min_size=1,
    max_size=20,
)


@given(COUNTS)
def test_interval_lies_within_the_utterances_rates_and_repeats(counts: list[ErrorCounts]) -> None:
    low, high = bootstrap_interval(counts, num_resamples=50)
    rates = [count.rate for count in counts]
    assert min(rates) - 1e-9 <= low <= high <= max(rates) + 1e-9
    assert bootstrap_interval(counts, num_resamples=50) == (low, high)


def test_interval_covers_the_rate_and_shrinks_with_more_utterances() -> None:
    few = [ErrorCounts(index % 3, 0, 0, 10) for index in range(9)]
    low, high = bootstrap_interval(few)
    tighter_low, tighter_high = bootstrap_interval(few * 100)
    assert low < total(few).rate < high
    assert tighter_high - tighter_low < (high - low) / 5


def test_interval_of_empty_references() -> None:
    assert bootstrap_interval([ErrorCounts()]) == (0, 0)
