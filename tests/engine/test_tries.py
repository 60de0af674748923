"""Tries hold what was put in, and nothing else."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.tries import (
    NODE,
    NOWHERE,
    ROOT,
    Trie,
    build_trie,
    child_of,
    extend_trie,
    find_child,
)

labels = st.integers(0, 3)
sequences = st.lists(st.lists(labels, min_size=1, max_size=5), max_size=12, unique_by=tuple)


def walk(trie: Trie, labels_of_path: list[int]) -> int:
    node = ROOT
    for label in labels_of_path:
        node = find_child(trie, node, label)
    return node


@settings(deadline=None)  # the first call compiles
@given(sequences, st.lists(labels, max_size=6))
def test_a_sequence_ends_where_its_labels_lead(kept: list[list[int]], other: list[int]) -> None:
    trie, nodes = build_trie(kept, np.zeros(len(kept)))
    for number, sequence in enumerate(kept):
        node = walk(trie, sequence)
        assert node == nodes[number, len(sequence) - 1]
        assert trie["end"][node] == number
    node = walk(trie, other)
    assert (node != NOWHERE) == any(s[: len(other)] == other for s in [other[:0], *kept])
    assert (node not in (NOWHERE, ROOT) and trie["end"][node] != NOWHERE) == (other in kept)


@settings(deadline=None)  # the first call compiles
@given(sequences)
def test_a_node_knows_the_best_sequence_through_it(kept: list[list[int]]) -> None:
    values = np.arange(len(kept), dtype=np.float64) - 3
    trie, _ = build_trie(kept, values)
    for sequence in kept:
        for length in range(len(sequence) + 1):
            prefix = sequence[:length]
            through = [v for s, v in zip(kept, values, strict=True) if s[:length] == prefix]
            assert trie["best"][walk(trie, prefix)] == max(through)


def test_a_trie_of_nothing_has_a_root() -> None:
    trie, _ = build_trie([], np.zeros(0))
    assert trie.dtype == NODE
    assert walk(trie, [0]) == NOWHERE


@settings(deadline=None)  # the first call compiles
@given(sequences, st.integers(0, 12))
def test_a_trie_that_is_extended_is_as_if_built_at_once(kept: list[list[int]], first: int) -> None:
    before, more = kept[:first], kept[first:]
    whole, nodes = build_trie(kept, np.where(np.arange(len(kept)) < first, 0.0, -1.0))
    trie, _ = build_trie(before, np.zeros(len(before)))
    extended, ends = extend_trie(trie, more, -1.0)
    assert ends == [nodes[first + row, len(each) - 1] for row, each in enumerate(more)]
    extended["end"][ends] = np.arange(len(ends)) + len(before)
    assert np.array_equal(extended, whole)


@settings(deadline=None)  # the first call compiles
@given(sequences, labels)
def test_a_child_is_found_alike_by_either_way(kept: list[list[int]], label: int) -> None:
    trie, _ = build_trie(kept, np.zeros(len(kept)))
    for node in (NOWHERE, *range(len(trie) - 1)):
        assert child_of(trie, node, label) == find_child(trie, node, label)
