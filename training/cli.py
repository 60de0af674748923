"""The subcommands that training adds to the `longwave` command.

Only argument declarations live here. What they run is imported when it is run: the command starts
fast, and works as far as it can where the `train` extra is not installed.
"""

import argparse
import importlib
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import get_args

from service.engine.options import (
    DECODERS,
    MAX_BEAM_WIDTH,
    Precision,
    RecognitionOptions,
    RuntimeOptions,
)
from training.cli_decoding import (
    add_calibrate_arguments,
    add_condition_arguments,
    add_lm_arguments,
    add_tune_arguments,
)
from training.corpora import READERS
from training.corpora.limits import Limits
from training.synthesis.voices import ENGINE_SHARES

_OWN_PACKAGES = ("training", "service")

Command = Callable[[argparse.Namespace], int]


def register(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the subcommands. Each sets `func`: from the parsed arguments to the exit code."""
    _add_corpora(subparsers.add_parser("corpora", help="merge speech corpora into one manifest"))
    _add_synthesize(subparsers.add_parser("synthesize", help="speak text into a corpus"))
    _add_pronounce(subparsers.add_parser("pronounce", help="make a pronunciation lexicon"))
    _add_rules(subparsers.add_parser("rules", help="learn how words are said from a lexicon"))
    _add_align(subparsers.add_parser("align", help="find when each word of a corpus is said"))
    _add_train(subparsers.add_parser("train", help="train an acoustic model"))
    _add_evaluate(subparsers.add_parser("evaluate", help="measure a bundle's error rates"))
    _add_compare(subparsers.add_parser("compare", help="measure a bundle beside PocketSphinx"))
    _add_export(subparsers.add_parser("export", help="turn a checkpoint into a bundle"))
    lm = subparsers.add_parser("lm", help="turn text into a language model")
    add_lm_arguments(lm)
    lm.set_defaults(func=_imported_when_run("training.language_model"))
    tune = subparsers.add_parser("tune", help="find how a bundle decodes best")
    add_tune_arguments(tune)
    tune.set_defaults(func=_imported_when_run("training.tune"))
    calibrate = subparsers.add_parser("calibrate", help="make word confidences mean what they say")
    add_calibrate_arguments(calibrate)
    calibrate.set_defaults(func=_imported_when_run("training.calibrate"))


def _add_corpora(parser: argparse.ArgumentParser) -> None:
    for name in READERS:
        parser.add_argument(
            f"--{name}", metavar="DIR", type=Path, nargs="+", default=[], help=f"{name} folders"
        )
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="the manifest")
    limits = Limits()
    parser.add_argument("--min-duration-s", metavar="S", type=float, default=limits.min_duration_s)
    parser.add_argument("--max-duration-s", metavar="S", type=float, default=limits.max_duration_s)
    parser.add_argument(
        "--frame-s",
        metavar="S",
        type=float,
        default=limits.frame_s,
        help="output frame of the acoustic model (default %(default)s)",
    )
    parser.set_defaults(func=_imported_when_run("training.corpora.merge"))


def _add_synthesize(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--text",
        metavar=("SHARE", "FILE"),
        nargs="+",
        action="append",
        required=True,
        help="a share of the words, and the text files (plain or .xz) they are from; repeatable",
    )
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="the corpus")
    parser.add_argument("--hours", metavar="H", type=float, default=30.0, help="about so much")
    parser.add_argument(
        "--engine", choices=ENGINE_SHARES, action="append", help="only this one; may be repeated"
    )
    parser.add_argument(
        "--exclude", metavar="FILE", type=Path, help="no passage of this manifest's dev and test"
    )
    parser.add_argument("--seed", metavar="N", type=int, default=0)
    parser.add_argument("--workers", metavar="N", type=int, default=os.cpu_count() or 1)
    parser.set_defaults(func=_imported_when_run("training.synthesize"))


def _add_pronounce(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", metavar="MANIFEST", type=Path, nargs="*")
    parser.add_argument("--lm", metavar="FILE", type=Path, help="a language model, for its words")
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="the lexicon")
    parser.set_defaults(func=_imported_when_run("training.pronunciation"))


def _add_rules(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("lexicon", metavar="LEXICON", type=Path)
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="the rules")
    parser.add_argument("--bundle", metavar="DIR", type=Path, help="put them into this bundle too")
    parser.set_defaults(func=_imported_when_run("training.letter_to_sound"))


def _add_align(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("manifest", metavar="MANIFEST", type=Path)
    parser.add_argument("--output", metavar="FILE", type=Path, required=True, help="the times")
    parser.add_argument("--lexicon", metavar="FILE", type=Path, help="says more words")
    parser.add_argument("--split", default="train", help="only this split (default %(default)s)")
    parser.add_argument("--corpus", action="append", help="only this corpus; may be repeated")
    parser.set_defaults(func=_imported_when_run("training.align"))


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("config", metavar="CONFIG", type=Path, help="a TOML file")
    parser.add_argument(
        "--run", metavar="DIR", type=Path, help="folder of the run; one that exists is resumed"
    )
    parser.set_defaults(func=_imported_when_run("training.train"))


def _add_evaluate(parser: argparse.ArgumentParser) -> None:
    _add_measured(parser)
    parser.add_argument("--provider", choices=("auto", "cpu", "cuda"), default="auto")
    parser.add_argument(
        "--num-concurrent",
        metavar="N",
        type=int,
        default=16,
        help="utterances in work at once (default %(default)s)",
    )
    parser.add_argument(
        "--live", action="store_true", help="feed every utterance as a microphone would"
    )
    parser.add_argument(
        "--utterances", metavar="FILE", type=Path, help="write every utterance, worst first"
    )
    parser.set_defaults(func=_imported_when_run("training.evaluate"))


def _add_compare(parser: argparse.ArgumentParser) -> None:
    _add_measured(parser)
    parser.add_argument(
        "--cache",
        metavar="FILE",
        type=Path,
        default=Path(".data/pocketsphinx.jsonl"),
        help="what PocketSphinx heard is kept here (default %(default)s)",
    )
    parser.set_defaults(func=_imported_when_run("training.compare"))


def _add_measured(parser: argparse.ArgumentParser) -> None:
    """What is measured, on what, and in which conditions."""
    parser.add_argument("--bundle", metavar="DIR", type=Path, required=True)
    parser.add_argument("--manifest", metavar="FILE", type=Path, required=True)
    parser.add_argument("--split", action="append", help="only this split; may be repeated")
    parser.add_argument("--corpus", action="append", help="only this corpus; may be repeated")
    options = RecognitionOptions()
    parser.add_argument("--decoder", choices=DECODERS, default=options.decoder)
    parser.add_argument(
        "--beam-width", metavar=f"1..{MAX_BEAM_WIDTH}", type=int, default=options.beam_width
    )
    parser.add_argument("--lm-weight", metavar="A", type=float, help="instead of the bundle's")
    parser.add_argument("--word-bonus", metavar="B", type=float, help="instead of the bundle's")
    parser.add_argument(
        "--precision", choices=get_args(Precision), default=RuntimeOptions().precision
    )
    add_condition_arguments(parser)
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the table as JSON")


def _add_export(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "checkpoints",
        metavar="CHECKPOINT",
        type=Path,
        nargs="+",
        help="of several runs of one model, or bundles but for the first, the mean is exported",
    )
    parser.add_argument("--output", metavar="DIR", type=Path, required=True, help="the bundle")
    parser.add_argument("--manifest", metavar="FILE", type=Path, help="its dev split is scored")
    parser.add_argument("--lm", metavar="FILE", type=Path, help="put this language model into it")
    parser.add_argument("--lexicon", metavar="FILE", type=Path, help="put this lexicon into it")
    parser.add_argument("--rules", metavar="FILE", type=Path, help="put these rules into it")
    parser.add_argument("--version", metavar="V", default="1", help="of the bundle (default 1)")
    parser.add_argument("--licence", metavar="L", help="of the bundle (default: models/en's)")
    parser.set_defaults(func=_imported_when_run("training.export"))


def _imported_when_run(module: str) -> Command:
    """The `run` function of a module, which is not imported before it is called."""

    def run(arguments: argparse.Namespace) -> int:
        try:
            command: Command = importlib.import_module(module).run
        except ModuleNotFoundError as error:
            if error.name is None or error.name.partition(".")[0] in _OWN_PACKAGES:
                raise
            print(f"{error.name} is missing: install longwave[train]", file=sys.stderr)
            return 2
        return command(arguments)

    return run
