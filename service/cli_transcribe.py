"""`longwave transcribe`: files to text on the command line, through the engine that serves."""

import asyncio
import os
from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from service.api.file_options import FileOptions, ResponseFormat
from service.cli_files import Input, check_places, inputs_of
from service.cli_options import add_option_arguments, options_from
from service.cli_output import Filed, Outcome, Output, Printed
from service.cli_pipes import in_daemon_thread
from service.engine.audio import AudioLimits, decode_audio, decode_channels
from service.engine.audio_blocks import MAX_CHANNELS
from service.engine.bundle import Bundle
from service.engine.errors import EngineError, InvalidOption
from service.engine.options import Precision, RecognitionOptions
from service.engine.recognizer import Recognizer, running_recognizer, transcribe
from service.settings import Settings
from service.settings_sources import settings_from

if TYPE_CHECKING:
    from service.cli_progress import FilesProgress

_NOT_FLAGS = ("response_format", "stream", "url")


def register(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parsers of `longwave`."""
    parser = commands.add_parser("transcribe", help="transcribe audio files")
    parser.add_argument(
        "files",
        nargs="+",
        metavar="FILE",
        help="audio file, folder of them, or pattern such as 'calls/**/*.wav'; - is standard input",
    )
    parser.add_argument("--format", choices=get_args(ResponseFormat), default="text")
    parser.add_argument(
        "--output-dir",
        type=Path,
        metavar="DIR",
        help="write a file for each there, and leave out those that an earlier run has written",
    )
    parser.add_argument("--overwrite", action="store_true", help="write them again")
    add_option_arguments(parser, FileOptions, without=_NOT_FLAGS)
    # These are settings, too: without a flag, the environment decides.
    parser.add_argument("--model", metavar="DIR", default=SUPPRESS, help="folder of the bundle")
    parser.add_argument("--precision", choices=get_args(Precision), default=SUPPRESS)
    parser.set_defaults(func=run)


def run(arguments: Namespace) -> int:
    """Transcribe the files that `arguments` name; 1 if any of them could not be."""
    return asyncio.run(_run(arguments, settings_from(arguments, os.environ)))


async def _run(arguments: Namespace, settings: Settings) -> int:
    # Here, because other commands have no use for it, and it takes its time to import.
    from service.cli_progress import files_progress

    options = options_from(arguments, FileOptions)
    options.raw_audio()  # complains before the model is loaded
    files = inputs_of(arguments.files)
    if arguments.output_dir is not None:
        check_places(files)
    async with running_recognizer(settings.model, settings.runtime_options()) as recognizer:
        recognition = options.recognition(recognizer.bundle)
        output = _output(arguments, recognizer.bundle, len(files))
        missing = [file for file in files if not output.is_there(file)]
        with files_progress(len(missing)) as progress:
            job = _Job(recognizer, options, recognition, progress)
            await job.transcribe_all(missing, output, _num_at_once(settings, options))
    return int(output.num_failed > 0)


def _output(arguments: Namespace, bundle: Bundle, num_files: int) -> Output:
    if arguments.output_dir is not None:
        return Filed(arguments.format, bundle, arguments.output_dir, arguments.overwrite)
    if arguments.format in ("srt", "vtt") and num_files > 1:
        raise InvalidOption(
            f"{arguments.format} of {num_files} files needs an --output-dir to write them to"
        )
    return Printed(arguments.format, bundle, names=num_files > 1)


def _num_at_once(settings: Settings, options: FileOptions) -> int:
    """Files that share batches, and have places for all their channels."""
    places = 1 if options.channels == "mix" else MAX_CHANNELS
    return max(1, min(settings.max_batch_size, settings.max_streams // places))


@dataclass(frozen=True, slots=True)
class _Job:
    """Transcribes files, several at once so that the model runs them as one batch."""

    recognizer: Recognizer
    options: FileOptions
    recognition: RecognitionOptions
    progress: "FilesProgress"

    async def transcribe_all(
        self, files: Sequence[Input], output: Output, num_at_once: int
    ) -> None:
        """Hand over the outcome of every file as soon as it may be.

        Raises:
            OutputLost: the output takes no more.
        """
        permits = asyncio.Semaphore(num_at_once)

        async def transcribe_next(file: Input) -> tuple[Input, Outcome]:
            async with permits:
                return file, await self._transcribe(file)

        tasks = [asyncio.create_task(transcribe_next(file)) for file in files]
        try:
            for done in tasks if output.in_order else asyncio.as_completed(tasks):
                await asyncio.to_thread(output.take, *await done)
        finally:  # no task group, which would wrap what `take` raises
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _transcribe(self, file: Input) -> Outcome:
        decode = decode_audio if self.options.channels == "mix" else decode_channels
        sample_rate, raw = self.recognizer.bundle.framing.sample_rate, self.options.raw_audio()
        try:
            with (
                await in_daemon_thread(file.open) as opened,
                closing(decode(opened, sample_rate, AudioLimits(), raw)) as audio,
            ):
                waveforms = self.progress.watch(audio)
                return await transcribe(self.recognizer, waveforms, self.recognition)
        except (EngineError, OSError) as error:
            return error
        finally:
            self.progress.file_done()
