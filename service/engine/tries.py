"""Sets of sequences as tries in flat arrays: letters or phonemes of words, words of phrases."""

from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import borrowing

ROOT: Final = 0
NOWHERE: Final = -1
"""No node: outside the trie; and no sequence: a node where none ends."""

NODE: Final = np.dtype(
    [
        ("first_child", np.int32),  # its children are those from here to the next node's first
        ("label", np.int32),  # of the edge that leads to it
        ("end", np.int32),  # the sequence that ends there, or NOWHERE
        ("best", np.float32),  # the highest value of the sequences that go through it
    ]
)
Trie: TypeAlias = NDArray[np.void]
"""[N + 1] NODE in breadth-first order, the root first, siblings by label; the last is no node."""


_OLD: Final = 2**31
_Position: TypeAlias = tuple[int, int]
"""In breadth-first order: (n, _OLD) of old node n; (n, r) of a new one before it, r-th of all."""


def build_trie(
    sequences: Sequence[Sequence[int]], values: NDArray[np.float64]
) -> tuple[Trie, NDArray[np.int32]]:
    """The trie of R different sequences of labels >= 0, each with a value.

    Returns:
        The trie, and [R, L] the nodes along each sequence, NOWHERE after its end.
    """
    lengths = np.fromiter(map(len, sequences), np.intp, len(sequences))
    return build_long_trie(
        np.array(list(chain.from_iterable(sequences)), np.int32), lengths, values
    )


def build_long_trie(
    labels: NDArray[np.int32], lengths: NDArray[np.intp], values: NDArray[np.float64]
) -> tuple[Trie, NDArray[np.int32]]:
    """The same of sequences in a row, as [N] labels, whose lengths are [R]."""
    inside = np.arange(lengths.max(initial=0)) < lengths[:, None]  # [R, L]
    rows = np.full(inside.shape, NOWHERE, np.int32)
    rows[inside] = labels
    ranking = np.lexsort(rows.T[::-1]) if rows.size else np.arange(len(rows))
    nodes = np.empty_like(rows)
    nodes[ranking] = _numbered(rows[ranking])
    visited = nodes[inside]  # [N]
    trie = np.zeros(nodes.max(initial=ROOT) + 2, NODE)
    parents = np.roll(nodes, 1, axis=1)
    parents[:, :1] = ROOT
    parent_of = np.zeros(len(trie) - 1, np.int32)
    parent_of[visited] = parents[inside]
    trie["label"][visited] = labels
    num_children = np.bincount(parent_of[1:], minlength=len(parent_of))
    trie["first_child"] = 1 + np.concatenate([[0], num_children.cumsum()])
    trie["end"] = NOWHERE
    trie["end"][nodes[np.arange(len(rows)), lengths - 1]] = np.arange(len(rows))
    trie["best"] = -np.inf
    np.maximum.at(trie["best"], visited, np.repeat(values.astype(np.float32), lengths))
    trie["best"][ROOT] = values.max(initial=-np.inf)
    return trie, nodes


def extend_trie(
    trie: Trie, sequences: Sequence[Sequence[int]], value: float
) -> tuple[Trie, list[int]]:
    """A trie with more sequences, all of one value, and the nodes where they end.

    Nothing else is known of their ends: a new node has none yet.
    """
    if not sequences:
        return trie, []
    old, new = _ways(trie, sequences)
    places = [place for (place, _), _ in new.values()]  # each comes before the old node there
    parents = [parent for _, parent in new.values()]
    leaves = trie[places]  # an array of its own
    leaves["label"], leaves["end"], leaves["best"] = [way[-1] for way in new], NOWHERE, value
    # Children come after those whose parents come first.
    earlier = [bisect_left(parents, own) for own, _ in new.values()]
    leaves["first_child"] += np.array(earlier, np.int32)
    shifted, keys = trie.copy(), [place + (rank == _OLD) for place, rank in parents]
    shifted["first_child"] += np.searchsorted(keys, np.arange(len(trie)), "right")
    visited = list(old.values())
    shifted["best"][visited] = np.maximum(shifted["best"][visited], value)
    now_at = {way: place + bisect_right(places, place) for way, place in old.items()}
    now_at |= {way: place + rank for way, ((place, rank), _) in new.items()}
    return np.insert(shifted, places, leaves), [now_at[tuple(each)] for each in sequences]


def _ways(
    trie: Trie, sequences: Sequence[Sequence[int]]
) -> tuple[dict[tuple[int, ...], int], dict[tuple[int, ...], tuple[_Position, _Position]]]:
    """By labels from the root: nodes on the way, and new ones, in order, with their parents."""
    old: dict[tuple[int, ...], int] = {(): ROOT}
    new: dict[tuple[int, ...], tuple[_Position, _Position]] = {}
    for length in range(1, 1 + max(map(len, sequences))):
        missing = []
        for way in {tuple(each[:length]) for each in sequences if len(each) >= length}:
            node = child_of(trie, old.get(way[:-1], NOWHERE), way[-1])
            if node != NOWHERE:
                old[way] = node
            else:
                missing.append((_position(way[:-1], old, new), way))
        for parent, way in sorted(missing):
            low = int(trie["first_child"][parent[0]])
            end = int(trie["first_child"][parent[0] + 1]) if parent[1] == _OLD else low
            place = low + int(trie["label"][low:end].searchsorted(way[-1]))
            new[way] = (place, len(new)), parent
    return old, new


def _position(
    way: tuple[int, ...],
    old: Mapping[tuple[int, ...], int],
    new: Mapping[tuple[int, ...], tuple[_Position, _Position]],
) -> _Position:
    return (old[way], _OLD) if way in old else new[way][0]


def child_of(trie: Trie, node: int, label: int) -> int:
    """The same as `find_child`, for those who would have to load compiled code to ask that."""
    if node == NOWHERE:
        return NOWHERE
    low, end = trie["first_child"][node : node + 2].tolist()
    child = low + int(trie["label"][low:end].searchsorted(label))
    return child if child < end and trie["label"][child] == label else NOWHERE


@borrowing
def find_child(trie: Trie, node: int, label: int) -> int:
    """The child of a node by its label; NOWHERE where there is none, or the node is NOWHERE."""
    if node == NOWHERE:
        return NOWHERE
    return place_of(label, trie["label"], children_of(trie, node))


@borrowing
def place_of(value: int, values: NDArray[np.integer[Any]], extent: tuple[int, int]) -> int:
    """Where a value is in ascending values from the extent's first place to before its last.

    NOWHERE if it is not there.
    """
    low, end = extent
    high = end
    while low < high:
        middle = (low + high) // 2
        if values[middle] < value:
            low = middle + 1
        else:
            high = middle
    return low if low < end and values[low] == value else NOWHERE


@borrowing
def children_of(trie: Trie, node: int) -> tuple[int, int]:
    """From where to where the children of a node are."""
    return int(trie[node]["first_child"]), int(trie[node + 1]["first_child"])


def _numbered(rows: NDArray[np.int32]) -> NDArray[np.int32]:
    """[R, L] the nodes along sorted rows [R, L], depth after depth."""
    inside = rows != NOWHERE
    changed = np.ones(rows.shape, bool)  # the row has another prefix than the one before
    changed[1:] = np.logical_or.accumulate(rows[1:] != rows[:-1], axis=1)
    order = (changed & inside).T.ravel().cumsum()  # by depth, then by row
    return np.where(inside, order.reshape(rows.shape[::-1]).T, NOWHERE).astype(np.int32)
