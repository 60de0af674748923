"""Which files a command line means, and where what becomes of each is written."""

import errno
import glob
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import BinaryIO, Final

from service.cli_pipes import raw_standard_input, spooled
from service.engine.errors import InvalidOption

STANDARD_INPUT: Final = "-"

_AUDIO_SUFFIXES: Final = frozenset(
    (
        *(".3gp", ".aac", ".ac3", ".aif", ".aiff", ".amr", ".au", ".avi", ".caf", ".flac", ".flv"),
        *(".gsm", ".m4a", ".m4b", ".mka", ".mkv", ".mov", ".mp2", ".mp3", ".mp4", ".mpeg", ".mpg"),
        *(".oga", ".ogg", ".opus", ".spx", ".ts", ".w64", ".wav", ".webm", ".wma", ".wmv", ".wv"),
    )
)
"""What is taken for audio in a folder; a file that is named itself may be called anything."""


@dataclass(frozen=True, slots=True)
class Input:
    """One file to transcribe."""

    name: str  # as the caller is told
    path: Path | None  # None: standard input
    place: Path  # where its output goes, below the output folder and without a suffix

    def open(self) -> BinaryIO:
        """The file, seekable.

        Raises:
            OSError: it cannot be read.
        """
        if self.path is None:
            return spooled(raw_standard_input())
        if self.path.is_dir():
            os.scandir(self.path).close()  # says so where nobody may look into it
            raise IsADirectoryError(errno.EISDIR, "There is no audio in this directory")
        return open_file(self.path)


def open_file(path: Path) -> BinaryIO:
    """A file, seekable; a pipe that has a name is read to its end.

    Raises:
        OSError: it cannot be read.
    """
    file = path.open("rb")
    if file.seekable():
        return file
    with file:
        return spooled(file)


def inputs_of(names: Sequence[str]) -> list[Input]:
    """The files that are meant by names of files, folders and patterns, in the order given.

    A folder means all audio files below it, sorted, and a pattern that is no file's name all files
    that match it. What is not there is kept as it is: opening it says what is wrong. Files whose
    outputs would have the same name keep their suffixes in it.

    Raises:
        InvalidOption: a name is empty, or the standard input is named twice.
    """
    _check_names(names)
    inputs = [each for name in names for each in _meant_by(name)]
    # A file that is named twice has the same output both times.
    places = Counter(place for place, _ in {(each.place, each.path) for each in inputs})
    return [
        Input(each.name, each.path, each.place.with_name(each.path.name))
        if each.path and places[each.place] > 1
        else each
        for each in inputs
    ]


def check_places(inputs: Sequence[Input]) -> None:
    """See that no file's output would be taken for another's.

    Raises:
        InvalidOption: two different files have the same place.
    """
    owners: dict[Path, Input] = {}
    for each in inputs:
        owner = owners.setdefault(each.place, each)
        if owner.path != each.path:
            raise InvalidOption(
                f"{owner.name} and {each.name} would have the same output, {each.place}: name a "
                "folder or a pattern that begins above both, or give each an output folder"
            )


def _check_names(names: Sequence[str]) -> None:
    if "" in names:  # which pathlib takes for the current folder
        raise InvalidOption("the name of a file is empty; is a variable unset?")
    if names.count(STANDARD_INPUT) > 1:
        raise InvalidOption("- is given more than once, but standard input can be read only once")


def _meant_by(name: str) -> list[Input]:
    path = Path(name)
    if name == STANDARD_INPUT:
        return [Input(name, None, Path("stdin"))]
    with suppress(OSError):  # opening it says what is wrong
        if path.is_dir():
            return list(_below(path)) or [_file(path)]
        if glob.has_magic(name) and not path.exists():
            return list(_matching(name)) or [_file(path)]
    return [_file(path)]


def _below(folder: Path) -> Iterator[Input]:
    closed: list[Path] = []  # folders that nobody may look into; opening them says so
    walk = os.walk(folder, onerror=lambda error: closed.append(Path(error.filename)))
    paths = sorted(Path(parent, name) for parent, _, names in walk for name in names)
    audio = [path for path in paths if path.suffix.lower() in _AUDIO_SUFFIXES]
    for path in (*audio, *closed):
        if path != folder:  # which has no place below itself
            yield _below_folder(folder, path)


def _matching(pattern: str) -> Iterator[Input]:
    """The files that match, each in its place below the folder where the pattern begins to vary."""
    base = Path(*takewhile(lambda part: not glob.has_magic(part), Path(pattern).parts))
    matches = glob.glob(pattern, recursive=True)  # noqa: PTH207 - pathlib's take no absolute ones
    for path in map(Path, sorted(matches)):
        if path.is_file():
            yield _below_folder(base, path)


def _below_folder(folder: Path, path: Path) -> Input:
    return Input(str(path), path, path.relative_to(folder).with_suffix(""))


def _file(path: Path) -> Input:
    return Input(str(path), path, Path(path.stem or "output"))


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all, whenever the process ends.

    Raises:
        OSError: it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    try:
        with part.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
