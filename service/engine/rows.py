"""Rows of numbers of different lengths, such as hypotheses have, side by side. Compiled."""

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import borrowing


@borrowing
def copy_values(source: NDArray[np.int32], count: int, target: NDArray[np.int32]) -> None:
    """Copy the first values, such as a state. (Assigned slices may overlap, and so take longer.)"""
    for index in range(count):
        target[index] = source[index]


@borrowing
def num_shared(rows: NDArray[np.int32], lengths: NDArray[np.int32]) -> int:
    """How many leading numbers all of R > 0 rows [R, L] share, of which as many count as [R]."""
    count = lengths[0]
    for row in range(len(rows)):
        count = min(count, lengths[row])
        for column in range(count):
            if rows[row, column] != rows[0, column]:
                count = column
                break
    return int(count)
