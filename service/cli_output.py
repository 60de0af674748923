"""Where transcripts of the command line go: the standard output, or a file for each in a folder."""

import json
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol, TypeAlias

from service.api.file_options import ResponseFormat
from service.api.formats import render
from service.cli_files import Input, write_whole
from service.engine.bundle import Bundle
from service.engine.errors import EngineError
from service.engine.transcript import Transcript

Outcome: TypeAlias = Transcript | EngineError | OSError

_SUFFIXES: Final[dict[ResponseFormat, str]] = {
    "json": ".json",
    "text": ".txt",
    "srt": ".srt",
    "vtt": ".vtt",
    "verbose_json": ".json",
}


class OutputLost(Exception):
    """The standard output takes no more."""


class ReaderGone(OutputLost):
    """Because nobody reads it any longer, as with `| head`."""


class Output(Protocol):
    """Takes the outcome of every file."""

    num_failed: int

    @property
    def in_order(self) -> bool:
        """Whether it wants them in the order given, or each as soon as it is there."""
        ...

    def is_there(self, file: Input) -> bool:
        """Whether an earlier run has done this file."""
        ...

    def take(self, file: Input, outcome: Outcome) -> None:
        """Write a transcript, or tell what went wrong.

        Raises:
            OutputLost: neither can be written, nor will any later one be.
        """
        ...


@dataclass(slots=True)
class Printed:
    """Transcripts on the standard output; JSON is one line a file, with its path."""

    response_format: ResponseFormat
    bundle: Bundle
    names: bool  # whether text says which file it is of
    num_failed: int = 0
    in_order = True

    def is_there(self, _: Input) -> bool:
        return False

    def take(self, file: Input, outcome: Outcome) -> None:
        if isinstance(outcome, Transcript):
            body = render(outcome, self.response_format, self.bundle)
            print_out(self._labelled(file, body))
            return
        self.num_failed += 1
        cause = _complain(file.name, outcome)
        if self._is_json:
            print_out(json.dumps({"path": file.name, "error": cause}, ensure_ascii=False) + "\n")

    @property
    def _is_json(self) -> bool:
        return self.response_format in ("json", "verbose_json")

    def _labelled(self, file: Input, body: str) -> str:
        if self._is_json:
            return json.dumps({"path": file.name, **json.loads(body)}, ensure_ascii=False) + "\n"
        return f"{file.name}: {body}" if self.names else body


@dataclass(slots=True)
class Filed:
    """A file for each transcript, below a folder; those that are there already are kept."""

    response_format: ResponseFormat
    bundle: Bundle
    folder: Path
    overwrite: bool
    num_failed: int = 0
    in_order = False  # what is written need not be done again if the others are broken off

    def is_there(self, file: Input) -> bool:
        return not self.overwrite and self._path(file).exists()

    def take(self, file: Input, outcome: Outcome) -> None:
        if not isinstance(outcome, Transcript):
            self.num_failed += 1
            _complain(file.name, outcome)
            return
        path = self._path(file)
        try:
            write_whole(path, render(outcome, self.response_format, self.bundle))
        except OSError as error:
            self.num_failed += 1
            _complain(f"{path} cannot be written", error)

    def _path(self, file: Input) -> Path:
        place = self.folder / file.place
        return place.with_name(place.name + _SUFFIXES[self.response_format])


def print_out(text: str) -> None:
    """Write text to the standard output, for a reader who waits for it.

    Raises:
        OutputLost: it cannot be written. The interpreter will not try again when it ends.
    """
    encoding = sys.stdout.encoding or "utf-8"
    # A file's name need not be text. Escaped it is valid in JSON, and as in the complaints.
    writable = text.encode(encoding, "backslashreplace").decode(encoding)
    try:
        print(writable, end="", flush=True)
    except OSError as error:
        _abandon_what_is_buffered()
        if isinstance(error, BrokenPipeError):
            raise ReaderGone("nobody reads the standard output") from error
        raise OutputLost(f"the standard output cannot be written: {error.strerror}") from error


def _abandon_what_is_buffered() -> None:
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), sys.stdout.fileno())


def _complain(what: str, error: EngineError | OSError) -> str:
    """Tell the standard error what is wrong with something; the cause for the caller."""
    cause = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    print(f"longwave: {what}: {cause}", file=sys.stderr)
    return cause
