"""JSON in files: a value alone, or an object a line."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeVar

T = TypeVar("T")


def write_json(path: Path, value: Any) -> None:
    """Write a report for people and programs to `path`, in a folder made for it. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def read_json_lines(
    path: Path, parse: Callable[[dict[str, Any]], T], invalid: type[Exception]
) -> Iterator[T]:
    """What `parse` makes of each line; empty ones are left out.

    Raises `invalid`, naming file, line and fault, where a line is no JSON object or `parse` misses
    something in it, and OSError.
    """
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            try:
                if line.strip():
                    yield parse(json.loads(line))
            except (AttributeError, KeyError, TypeError, ValueError) as error:
                raise invalid(f"{path}:{number}: {type(error).__name__}: {error}") from error


def write_json_lines(path: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Write a line for each record to `path`, in a folder made for it, replacing it in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    with partial.open("w", encoding="utf-8") as lines:
        for record in records:
            lines.write(json.dumps(record, ensure_ascii=False) + "\n")
    partial.replace(path)
