"""`longwave transcribe`: files to text on the command line, through the engine that serves."""

import asyncio
import json
import os
import shutil
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import SpooledTemporaryFile
from threading import Lock
from typing import BinaryIO, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from service.engine.audio import AudioLimits, DecodedAudio, decode_audio
from service.engine.bundle import Bundle
from service.engine.errors import EngineError
from service.engine.options import DECODERS, Precision, RecognitionOptions
from service.engine.recognizer import Recognizer, running_recognizer, transcribe
from service.engine.transcript import Transcript, to_json
from service.settings import Settings, settings_from

STANDARD_INPUT = "-"
_MAX_BYTES_IN_MEMORY = 16 * 1024 * 1024

Outcome: TypeAlias = Transcript | EngineError | OSError


def register(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parsers of `longwave`."""
    parser = commands.add_parser("transcribe", help="transcribe audio files")
    parser.add_argument("files", nargs="+", metavar="FILE", help="audio file; - is standard input")
    parser.add_argument("--format", choices=["text", "json"], default="text", help="of the output")
    parser.add_argument("--decoder", choices=DECODERS, help="default: the model's own")
    parser.add_argument("--beam-width", type=int, metavar="N", help="of the beam decoder")
    # These are settings, too: without a flag, the environment decides.
    parser.add_argument("--model", metavar="DIR", default=SUPPRESS, help="folder of the bundle")
    parser.add_argument("--precision", choices=get_args(Precision), default=SUPPRESS)
    parser.set_defaults(func=run)


def run(arguments: Namespace) -> int:
    """Transcribe the files that `arguments` name; 1 if any of them could not be."""
    return asyncio.run(_run(arguments, settings_from(arguments, os.environ)))


async def _run(arguments: Namespace, settings: Settings) -> int:
    async with running_recognizer(settings.model, settings.runtime_options()) as recognizer:
        options = _recognition_options(arguments, recognizer.bundle)
        printer = _Printer(arguments.format, names=len(arguments.files) > 1)
        with _progress(len(arguments.files)) as progress:
            job = _Job(recognizer, options, progress)
            await job.transcribe_all(arguments.files, printer, settings.max_batch_size)
    return int(printer.num_failed > 0)


def _recognition_options(arguments: Namespace, bundle: Bundle) -> RecognitionOptions:
    beam_width = arguments.beam_width
    return RecognitionOptions(
        decoder=arguments.decoder or bundle.decoding.decoder,
        beam_width=bundle.decoding.beam_width if beam_width is None else beam_width,
    )


class _Progress:
    """How many files and how much audio are done, drawn on a terminal and nowhere else."""

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
def _progress(num_files: int) -> Iterator[_Progress]:
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
        yield _Progress(bar, num_files)


@dataclass(frozen=True, slots=True)
class _Job:
    """Transcribes files, several at once so that the model runs them as one batch."""

    recognizer: Recognizer
    options: RecognitionOptions
    progress: _Progress

    async def transcribe_all(
        self, names: Sequence[str], printer: "_Printer", num_at_once: int
    ) -> None:
        """Print the outcome of every file in the order given, as soon as those before it are."""
        permits = asyncio.Semaphore(num_at_once)

        async def transcribe_next(name: str) -> Outcome:
            async with permits:
                return await self._transcribe(name)

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(transcribe_next(name)) for name in names]
            for name, task in zip(names, tasks, strict=True):
                printer.show(name, await task)

    async def _transcribe(self, name: str) -> Outcome:
        sample_rate = self.recognizer.bundle.framing.sample_rate
        try:
            with (
                await asyncio.to_thread(_open, name) as file,
                closing(decode_audio(file, sample_rate, AudioLimits())) as audio,
            ):
                waveforms = self.progress.watch(audio)
                return await transcribe(self.recognizer, waveforms, self.options)
        except (EngineError, OSError) as error:
            return error
        finally:
            self.progress.file_done()


def _open(name: str) -> BinaryIO:
    if name != STANDARD_INPUT:
        return Path(name).open("rb")
    # A pipe cannot be sought, and most formats have to be.
    spooled = SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY)  # noqa: SIM115 - the caller's
    shutil.copyfileobj(sys.stdin.buffer, spooled)
    return cast(BinaryIO, spooled)


class _Printer:
    """Writes transcripts to the standard output and complaints to the standard error."""

    def __init__(self, output_format: str, names: bool) -> None:
        self._as_json = output_format == "json"
        self._names = names  # whether text says which file it is of
        self.num_failed = 0

    def show(self, name: str, outcome: Outcome) -> None:
        if isinstance(outcome, Transcript):
            self._show_transcript(name, outcome)
        else:
            self._show_error(name, outcome)

    def _show_transcript(self, name: str, transcript: Transcript) -> None:
        if self._as_json:
            self._show_json({"path": name, **to_json(transcript)})
        else:
            print(f"{name}: {transcript.text}" if self._names else transcript.text, flush=True)

    def _show_error(self, name: str, error: EngineError | OSError) -> None:
        self.num_failed += 1
        cause = error.strerror if isinstance(error, OSError) else str(error)
        print(f"longwave: {name}: {cause}", file=sys.stderr)
        if self._as_json:
            self._show_json({"path": name, "error": cause})

    def _show_json(self, line: dict[str, object]) -> None:
        print(json.dumps(line, ensure_ascii=False), flush=True)
