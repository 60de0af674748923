"""Error rates of recognised text: alignment counts, WER, CER and their bootstrap intervals."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ErrorCounts:
    """Errors of hypotheses against their references, in words or in characters. They add up."""

    substitutions: int = 0
    deletions: int = 0
    insertions: int = 0
    reference_length: int = 0

    @property
    def errors(self) -> int:
        return self.substitutions + self.deletions + self.insertions

    @property
    def rate(self) -> float:
        """Errors per reference token: 0 is perfect, above 1 is possible.

        Insertions against an empty reference have no rate: it is infinite.
        """
        if self.reference_length:
            return self.errors / self.reference_length
        return float("inf") if self.errors else 0.0

    def __add__(self, other: "ErrorCounts") -> "ErrorCounts":
        return ErrorCounts(
            self.substitutions + other.substitutions,
            self.deletions + other.deletions,
            self.insertions + other.insertions,
            self.reference_length + other.reference_length,
        )


def word_errors(reference: str, hypothesis: str) -> ErrorCounts:
    """Errors in words, which are what spaces separate. Normalise both texts first."""
    return count_errors(reference.split(), hypothesis.split())


def character_errors(reference: str, hypothesis: str) -> ErrorCounts:
    """Errors in characters, spaces included. Normalise both texts first."""
    return count_errors(reference, hypothesis)


def count_errors(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> ErrorCounts:
    """Errors of the best alignment: the fewest errors and, among those, the most matches.

    Levenshtein's recurrence, one reference token and all hypothesis tokens at a time. An error
    costs `unit` and a substitution 1 more, so one integer holds both the number of errors and the
    number of substitutions; deletions and insertions follow from these and the lengths.
    """
    reference_ids, hypothesis_ids = _as_ids(reference, hypothesis)
    unit = len(reference) + len(hypothesis) + 1  # more than there can be substitutions
    insertions = unit * np.arange(len(hypothesis) + 1)  # [H + 1] cost of inserting a prefix
    costs = insertions  # [H + 1] cheapest way to each prefix of the hypothesis
    for token in reference_ids:
        reached = costs + unit  # by deleting `token`
        aligned = costs[:-1] + np.where(hypothesis_ids == token, 0, unit + 1)
        reached[1:] = np.minimum(reached[1:], aligned)
        # Insertions chain along the row: a running minimum, with their own cost taken out.
        costs = np.minimum.accumulate(reached - insertions) + insertions
    errors, substitutions = divmod(int(costs[-1]), unit)
    surplus = len(hypothesis) - len(reference)  # insertions minus deletions
    deletions = (errors - substitutions - surplus) // 2
    return ErrorCounts(substitutions, deletions, deletions + surplus, len(reference))


def matched(reference: Sequence[Hashable], hypothesis: Sequence[Hashable]) -> list[bool]:
    """Which tokens of the hypothesis the best alignment matches with the reference's."""
    rows = [list(range(len(hypothesis) + 1))]
    for token in reference:
        above, row = rows[-1], [rows[-1][0] + 1]
        for column, other in enumerate(hypothesis):
            row.append(min(above[column] + (token != other), above[column + 1] + 1, row[-1] + 1))
        rows.append(row)
    found = [False] * len(hypothesis)
    line, column = len(reference), len(hypothesis)
    while line and column:
        cost = rows[line][column]
        same = reference[line - 1] == hypothesis[column - 1]
        if cost == rows[line - 1][column - 1] + (not same):
            line, column = line - 1, column - 1
            found[column] = same
        elif cost == rows[line - 1][column] + 1:
            line -= 1
        else:
            column -= 1
    return found


def total(counts: Sequence[ErrorCounts]) -> ErrorCounts:
    """The sum of many counts."""
    return sum(counts, start=ErrorCounts())


def bootstrap_interval(
    counts: Sequence[ErrorCounts],
    confidence: float = 0.95,
    num_resamples: int = 1000,
    seed: int = 0,
) -> tuple[float, float]:
    """Percentile bootstrap interval of the pooled error rate, utterances drawn with replacement.

    Bisani and Ney, "Bootstrap estimates for confidence intervals in ASR performance evaluation",
    ICASSP 2004. The same counts and seed give the same interval.
    """
    errors = np.array([count.errors for count in counts])  # [N]
    lengths = np.array([count.reference_length for count in counts])  # [N]
    if not lengths.any():
        rate = total(counts).rate
        return rate, rate
    generator = np.random.default_rng(seed)
    rates = [
        errors[drawn].sum() / max(lengths[drawn].sum(), 1)
        for drawn in (
            generator.integers(len(counts), size=len(counts)) for _ in range(num_resamples)
        )
    ]
    tail = (1 - confidence) / 2
    low, high = np.quantile(rates, [tail, 1 - tail])
    return float(low), float(high)


def _as_ids(
    reference: Sequence[Hashable], hypothesis: Sequence[Hashable]
) -> tuple[list[int], NDArray[np.int64]]:
    """Both sequences with equal tokens replaced by equal integers."""
    ids: dict[Hashable, int] = {}
    reference_ids = [ids.setdefault(token, len(ids)) for token in reference]
    hypothesis_ids = [ids.setdefault(token, len(ids)) for token in hypothesis]
    return reference_ids, np.array(hypothesis_ids, dtype=np.int64)
