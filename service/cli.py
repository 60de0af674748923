"""The command `longwave`: serve, transcribe, stream, and what other packages add.

A package adds commands through the entry point group `longwave.commands`: each entry point is a
function that takes argparse's subparsers, adds parsers to them, and sets `func`, which takes the
parsed arguments and returns the exit code. So training adds its commands without being imported
here, and an installation without it has the service's alone.
"""

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from importlib.metadata import entry_points

from service import cli_stream, cli_transcribe
from service.cli_output import OutputLost, ReaderGone
from service.engine.errors import EngineError, InvalidOption
from service.settings_sources import InvalidSetting, add_settings_arguments, settings_from
from service.version import service_version

COMMANDS_GROUP = "longwave.commands"

_FAILED = 1
_WRONG_USAGE = 2  # argparse's own
_INTERRUPTED = 130  # as shells report SIGINT
_READER_GONE = 141  # as they report SIGPIPE


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 1 failed, 2 wrong usage."""
    try:
        arguments = _parser().parse_args(argv)
        command: Callable[[Namespace], int] = arguments.func
        return command(arguments)
    except (InvalidSetting, InvalidOption) as error:
        return _report(error, _WRONG_USAGE)
    except ReaderGone:
        return _READER_GONE
    except (EngineError, OutputLost) as error:
        return _report(error, _FAILED)
    except KeyboardInterrupt:
        return _INTERRUPTED


def _parser() -> ArgumentParser:
    parser = ArgumentParser("longwave", description="Speech to text.")
    parser.add_argument("--version", action="version", version=f"longwave {service_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    serve = commands.add_parser("serve", help="serve HTTP and WebSocket")
    add_settings_arguments(serve)
    serve.set_defaults(func=_serve)
    cli_transcribe.register(commands)
    cli_stream.register(commands)
    for entry_point in entry_points(group=COMMANDS_GROUP):
        entry_point.load()(commands)
    return parser


def _serve(arguments: Namespace) -> int:
    # Here, because the web framework takes longer to import than a file to transcribe.
    from service.app import run

    run(settings_from(arguments, os.environ))
    return 0


def _report(error: Exception, exit_code: int) -> int:
    print(f"longwave: {error}", file=sys.stderr)
    return exit_code
