"""What a comparison of two recognisers found, as a table for people and as JSON. Pure."""

from dataclasses import dataclass
from typing import Any

from training.score import ErrorCounts, bootstrap_interval, total

_COLUMNS = (
    ("corpus", 18), ("split", 6), ("condition", 10), ("utts", 6), ("WER %", 7),
    ("95 % interval", 14), ("CPU/s", 7), ("PS WER %", 9), ("95 % interval", 14), ("PS CPU/s", 9),
    ("CPU ratio", 10),
)  # fmt: skip
_NUM_TEXT_COLUMNS = 3


@dataclass(frozen=True, slots=True)
class Side:
    """One recogniser on one group of utterances."""

    words: tuple[ErrorCounts, ...] = ()
    cpu_s: float = 0.0

    def with_utterance(self, words: ErrorCounts, cpu_s: float) -> "Side":
        return Side((*self.words, words), self.cpu_s + cpu_s)

    @property
    def wer(self) -> float:
        return total(self.words).rate

    @property
    def wer_interval(self) -> tuple[float, float]:
        """95 % bootstrap interval."""
        return bootstrap_interval(self.words)


@dataclass(frozen=True, slots=True)
class Row:
    """Both recognisers on one split of one corpus under one condition."""

    corpus: str
    split: str
    condition: str
    audio_s: float
    longwave: Side
    pocketsphinx: Side


@dataclass(frozen=True, slots=True)
class Comparison:
    """All rows, and what was compared."""

    longwave: str
    pocketsphinx: str
    rows: tuple[Row, ...]


def as_table(comparison: Comparison) -> str:
    """One row a condition, corpus and split. CPU/s is CPU seconds per second of audio."""
    title = f"{comparison.longwave}, beside {comparison.pocketsphinx} (PS)"
    header = _line(tuple(name for name, _ in _COLUMNS))
    return "\n".join([title, header, *(_line(_cells(row)) for row in comparison.rows)])


def as_json(comparison: Comparison) -> dict[str, Any]:
    """The table with all digits."""
    return {
        "longwave": comparison.longwave,
        "pocketsphinx": comparison.pocketsphinx,
        "rows": [
            {
                "corpus": row.corpus,
                "split": row.split,
                "condition": row.condition,
                "utterances": len(row.longwave.words),
                "audio_s": row.audio_s,
                "longwave": _side_json(row.longwave, row.audio_s),
                "pocketsphinx": _side_json(row.pocketsphinx, row.audio_s),
            }
            for row in comparison.rows
        ],
    }


def _cells(row: Row) -> tuple[str, ...]:
    ours, theirs = row.longwave, row.pocketsphinx
    return (
        row.corpus,
        row.split,
        row.condition,
        str(len(ours.words)),
        f"{100 * ours.wer:.2f}",
        _interval(ours),
        f"{ours.cpu_s / row.audio_s:.4f}",
        f"{100 * theirs.wer:.2f}",
        _interval(theirs),
        f"{theirs.cpu_s / row.audio_s:.4f}",
        f"{ours.cpu_s / theirs.cpu_s:.4f}" if theirs.cpu_s else "",
    )


def _interval(side: Side) -> str:
    low, high = side.wer_interval
    return f"{100 * low:.1f} to {100 * high:.1f}"


def _line(cells: tuple[str, ...]) -> str:
    """Text columns to the left, figures to the right."""
    padded = [
        f"{cell:<{width}}" if index < _NUM_TEXT_COLUMNS else f"{cell:>{width}}"
        for index, (cell, (_, width)) in enumerate(zip(cells, _COLUMNS, strict=True))
    ]
    return " ".join(padded).rstrip()


def _side_json(side: Side, audio_s: float) -> dict[str, Any]:
    return {
        "wer": side.wer,
        "wer_interval_95": list(side.wer_interval),
        "errors": total(side.words).errors,
        "words": total(side.words).reference_length,
        "cpu_s_per_audio_s": side.cpu_s / audio_s,
    }
