"""An evaluation as a table for people, as JSON, and as one object an utterance. Pure."""

from typing import Any

from training.evaluation import Evaluation, Group, ScoredUtterance

_SECONDS_PER_HOUR = 3600
_COLUMNS = (
    ("corpus", 18), ("split", 6), ("condition", 10), ("utts", 6), ("hours", 7), ("WER %", 7),
    ("95 % interval", 14), ("CER %", 7), ("sub", 6), ("del", 6), ("ins", 6), ("words", 7),
    ("RTF", 8),
)  # fmt: skip

_TEXT_COLUMNS = {"condition", "corpus", "split"}


def as_table(evaluation: Evaluation) -> str:
    """One row a condition, corpus and split, then one a condition and split.

    RTF is wall seconds per audio second, what it takes to make a condition included.
    """
    title = (
        f"{evaluation.bundle} {evaluation.version} ({evaluation.commit[:12]}), "
        f"{evaluation.precision}, {evaluation.decoder}, {evaluation.provider}"
        f"{', live' if evaluation.live else ''}"
    )
    rows = [_row(group) for group in (*evaluation.groups, *evaluation.splits)]
    lines = [title, _line([name for name, _ in _COLUMNS]), *map(_line, rows)]
    num_refused = evaluation.overall.num_refused
    if num_refused:
        lines.append(f"{num_refused} utterances were refused and count as recognised with no words")
    return "\n".join(lines)


def as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The table with all digits, and how it was obtained."""
    return {
        "bundle": evaluation.bundle,
        "version": evaluation.version,
        "commit": evaluation.commit,
        "provider": evaluation.provider,
        "precision": evaluation.precision,
        "decoder": evaluation.decoder,
        "live": evaluation.live,
        "groups": [_group_json(group) for group in evaluation.groups],
        "splits": [_group_json(group) for group in evaluation.splits],
    }


def as_record(scored: ScoredUtterance) -> dict[str, Any]:
    """One utterance as a JSON object."""
    utterance = scored.utterance
    fields = {
        "audio_filepath": str(utterance.audio),
        "corpus": utterance.corpus,
        "split": utterance.split,
        "speaker": utterance.speaker,
        "duration": utterance.duration_s,
        "wer": _finite(scored.words.rate),
        "cer": _finite(scored.characters.rate),
        "reference": utterance.text,
        "hypothesis": scored.hypothesis,
    }
    return fields | ({"error": scored.error} if scored.error else {})


def _row(group: Group) -> list[str]:
    low, high = group.wer_interval
    return [
        group.corpus,
        group.split,
        group.condition,
        str(len(group.scored)),
        f"{group.audio_s / _SECONDS_PER_HOUR:.2f}",
        f"{100 * group.words.rate:.2f}",
        f"{100 * low:.1f} to {100 * high:.1f}",
        f"{100 * group.characters.rate:.2f}",
        str(group.words.substitutions),
        str(group.words.deletions),
        str(group.words.insertions),
        str(group.words.reference_length),
        f"{group.real_time_factor:.4f}",
    ]


def _line(cells: list[str]) -> str:
    """Text columns to the left, figures to the right."""
    padded = [
        f"{cell:<{width}}" if name in _TEXT_COLUMNS else f"{cell:>{width}}"
        for cell, (name, width) in zip(cells, _COLUMNS, strict=True)
    ]
    return " ".join(padded).rstrip()


def _group_json(group: Group) -> dict[str, Any]:
    low, high = group.wer_interval
    return {
        "corpus": group.corpus,
        "split": group.split,
        "condition": group.condition,
        "utterances": len(group.scored),
        "refused": group.num_refused,
        "hours": group.audio_s / _SECONDS_PER_HOUR,
        "wer": _finite(group.words.rate),
        "wer_interval_95": [_finite(low), _finite(high)],
        "cer": _finite(group.characters.rate),
        "substitutions": group.words.substitutions,
        "deletions": group.words.deletions,
        "insertions": group.words.insertions,
        "words": group.words.reference_length,
        "real_time_factor": group.real_time_factor,
    }


def _finite(rate: float) -> float | None:
    """JSON has no infinity: a rate against an empty reference becomes null."""
    return rate if rate != float("inf") else None
