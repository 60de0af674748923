"""The subcommand `longwave bench`. What it runs is imported when it is run."""

import argparse
import importlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

from bench.options import FULL, QUICK, BenchOptions
from service.settings import Settings
from service.settings_sources import settings_from

T = TypeVar("T", int, float)

_SETTINGS = ("model", "provider", "precision", "workers", "max_batch_size", "max_batch_audio_s")
_FAILED, _WRONG_USAGE = 1, 2


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command. It sets `func`: from the parsed arguments to the exit code."""
    parser = subparsers.add_parser(
        "bench",
        help="measure this machine and recommend settings",
        description="Measure the engine and the service on this machine, beside their peers."
        " Settings come from the environment, as for `longwave serve`.",
    )
    parser.add_argument("--audio", type=Path, metavar="PATH", help="speech to send: file or folder")
    parser.add_argument("--quick", action="store_true", help="under two minutes; rough figures")
    parser.add_argument("--no-peers", action="store_true", help="leave the peers out")
    parser.add_argument(
        "--soak", type=_at_least(0, int), default=0, metavar="CHUNKS", help="live chunks to soak"
    )
    parser.add_argument("--output", type=Path, default=Path("bench-report"), metavar="DIR")
    parser.add_argument("--time-limit", type=_at_least(0, float), default=30.0, metavar="MINUTES")
    parser.add_argument(
        "--piece-ms", type=_at_least(1, int), default=100, metavar="MS", help="audio a message"
    )
    for name in _SETTINGS:
        flag = f"--{name.replace('_', '-')}"
        parser.add_argument(flag, dest=name, default=argparse.SUPPRESS, metavar="VALUE")
    parser.set_defaults(func=run)


def _at_least(least: int, kind: type[T]) -> Callable[[str], T]:
    def parsed(text: str) -> T:
        number = kind(text)
        if not number >= least:
            raise argparse.ArgumentTypeError(f"{text} is less than {least}")
        return number

    parsed.__name__ = kind.__name__  # which argparse tells where the text is no number
    return parsed


def run(arguments: argparse.Namespace) -> int:
    """Benchmark as the command line says. Returns 1 if anything failed, 2 for bad input."""
    try:
        clips, runner = importlib.import_module("bench.clips"), importlib.import_module("bench.run")
    except ModuleNotFoundError as error:
        print(f"longwave bench needs {error.name}: pip install 'longwave[bench]'", file=sys.stderr)
        return _WRONG_USAGE
    try:
        with _terminated_as_interrupted():
            report = runner.run_bench(_options(arguments))
    except (clips.NoSpeech, OSError) as error:
        print(f"longwave bench: {error}", file=sys.stderr)
        return _WRONG_USAGE
    return _FAILED if report.num_errors or report.num_failed else 0


@contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """End what was started when the process is told to end, as when Control-C is typed."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _options(arguments: argparse.Namespace) -> BenchOptions:
    settings: Settings = settings_from(arguments, os.environ)
    plan = QUICK if arguments.quick else FULL
    return BenchOptions(
        model=settings.model,
        output=arguments.output,
        plan=replace(plan, with_peers=not arguments.no_peers),
        audio=arguments.audio,
        runtime=settings.runtime_options(),
        time_limit_s=60 * arguments.time_limit,
        piece_ms=arguments.piece_ms,
        soak_chunks=arguments.soak,
    )
