"""How far a command is, drawn on a terminal and nowhere else."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service.engine.audio import DecodedAudio


class FilesProgress:
    """How many files and how much audio are done."""

    def __init__(self, bar: Progress, num_files: int) -> None:
        self._bar = bar
        self._heard_s = 0.0
        self._lock = Lock()
        self._task = bar.add_task("transcribing", total=num_files, heard_s=0.0)

    def watch(self, audio: DecodedAudio) -> Iterator[NDArray[np.float32]]:
        """Pass on the blocks of `audio`, counting their duration."""
        before_s = 0.0
        for block in audio:
            yield block
            with self._lock:  # files are decoded in threads
                self._heard_s += audio.duration_s - before_s
                self._bar.update(self._task, heard_s=self._heard_s)
            before_s = audio.duration_s

    def file_done(self) -> None:
        self._bar.advance(self._task)


@contextmanager
def files_progress(num_files: int) -> Iterator[FilesProgress]:
    """Draw the progress of so many files while the context lasts."""
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[heard_s]:.0f} s of audio in"),
        TimeElapsedColumn(),
        console=Console(stderr=True),
        disable=not sys.stderr.isatty(),
        transient=True,
        redirect_stdout=sys.stdout.isatty(),  # or rich would print a piped result to the terminal
    )
    with bar:
        yield FilesProgress(bar, num_files)
