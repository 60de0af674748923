"""`longwave stream`: live audio to text in the terminal while it is spoken."""

import asyncio
import os
import signal
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, _SubParsersAction
from collections.abc import Iterator
from contextlib import aclosing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from service.api.options import DecodingOptions
from service.cli_files import STANDARD_INPUT
from service.cli_options import add_option_arguments, options_from
from service.cli_sources import Waveforms, microphone, played_file, standard_input
from service.engine.options import Precision, Priority
from service.engine.pcm import ENCODINGS, PcmDecoder
from service.engine.recognizer import running_recognizer
from service.engine.stream import Stream
from service.settings_sources import settings_from

if TYPE_CHECKING:
    from service.cli_display import Display

_MICROPHONE = "microphone"
_MICROPHONE_ENCODING = "pcm_s16le"


def register(commands: "_SubParsersAction[ArgumentParser]") -> None:
    """Add the command to the parsers of `longwave`."""
    parser = commands.add_parser("stream", help="transcribe live audio")
    parser.add_argument(
        "source",
        nargs="?",
        default=_MICROPHONE,
        metavar="SOURCE",
        help="- is raw audio on standard input, a file is played as if it were spoken now; "
        "default: the microphone, which needs the package sounddevice",
    )
    parser.add_argument("--fast", action="store_true", help="play a file as fast as it is heard")
    parser.add_argument(
        "--encoding", choices=ENCODINGS, default=_MICROPHONE_ENCODING, help="of standard input"
    )
    parser.add_argument(
        "--sample-rate", type=int, default=16_000, metavar="HZ", help="of standard input"
    )
    add_option_arguments(parser, DecodingOptions)
    # These are settings, too: without a flag, the environment decides.
    parser.add_argument("--model", metavar="DIR", default=SUPPRESS, help="folder of the bundle")
    parser.add_argument("--precision", choices=get_args(Precision), default=SUPPRESS)
    parser.set_defaults(func=run)


def run(arguments: Namespace) -> int:
    """Transcribe until the source ends or the user interrupts; 1 if it cannot be read."""
    try:
        asyncio.run(_run(arguments))
    except OSError as error:
        print(f"longwave: {arguments.source}: {error.strerror}", file=sys.stderr)
        return 1
    return 0


async def _run(arguments: Namespace) -> None:
    # Here, because other commands have no use for it, and it takes its time to import.
    from service.cli_display import open_display

    settings = settings_from(arguments, os.environ)
    options = options_from(arguments, DecodingOptions)
    async with running_recognizer(settings.model, settings.runtime_options()) as recognizer:
        bundle = recognizer.bundle
        source = _source(arguments, bundle.framing.sample_rate)
        with (
            recognizer.stream(options.recognition(bundle), Priority.LIVE) as stream,
            open_display() as display,
        ):
            await _listen(stream, source, display)


def _source(arguments: Namespace, sample_rate: int) -> Waveforms:
    if arguments.source == _MICROPHONE:
        return microphone(PcmDecoder(_MICROPHONE_ENCODING, sample_rate, sample_rate), sample_rate)
    if arguments.source == STANDARD_INPUT:
        return standard_input(PcmDecoder(arguments.encoding, arguments.sample_rate, sample_rate))
    return played_file(Path(arguments.source), sample_rate, in_real_time=not arguments.fast)


async def _listen(stream: Stream, source: Waveforms, display: "Display") -> None:
    """Audio to the stream until the source ends or is interrupted, then its last words."""
    with _interrupted() as interrupted:
        async with aclosing(_until(interrupted, source)) as waveforms:
            async for waveform in waveforms:
                display.show(await stream.accept(waveform))
        display.show(await stream.finish())


async def _until(stopped: asyncio.Event, source: Waveforms) -> Waveforms:
    """What the source gives until it ends or `stopped` is set."""
    stopping = asyncio.ensure_future(stopped.wait())
    try:
        async with aclosing(source):
            while (waveform := await _next_or_stop(source, stopping)) is not None:
                yield waveform
    finally:
        stopping.cancel()


async def _next_or_stop(
    source: Waveforms, stopping: "asyncio.Future[Literal[True]]"
) -> NDArray[np.float32] | None:
    upcoming = asyncio.ensure_future(anext(source, None))
    either: set[asyncio.Future[Any]] = {stopping, upcoming}
    await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
    if upcoming.done():
        return upcoming.result()
    upcoming.cancel()
    await asyncio.wait({upcoming})
    return None


@contextmanager
def _interrupted() -> Iterator[asyncio.Event]:
    """An event for the user's interrupt, which ends the audio only: the last words are to come."""
    loop, interrupted = asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGINT, interrupted.set)
    try:
        yield interrupted
    finally:
        loop.remove_signal_handler(signal.SIGINT)
