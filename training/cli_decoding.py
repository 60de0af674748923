"""Arguments of the commands that prepare decoding: the language model and what is tuned."""

import argparse
from pathlib import Path
from typing import get_args

from service.engine.ngram_file import MAX_ORDER
from service.engine.options import (
    DECODERS,
    MAX_BEAM_WIDTH,
    Precision,
    Provider,
    RuntimeOptions,
)

_PICTURES = (".png", ".svg")


def add_lm_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `longwave lm`."""
    parser.add_argument(
        "--source",
        metavar="WORD",
        nargs="+",
        action="append",
        required=True,
        help="a weight, then text files, plain or .xz; may be repeated",
    )
    parser.add_argument("--output", metavar="FILE", type=Path, required=True)
    parser.add_argument("--order", metavar=f"1..{MAX_ORDER}", type=int, default=4)
    parser.add_argument("--vocabulary-size", metavar="N", type=int, default=60_000)
    parser.add_argument(
        "--min-count", metavar="N", type=int, default=2, help="of a word (default %(default)s)"
    )
    parser.add_argument(
        "--max-mib", metavar="M", type=float, default=8.0, help="of the file (default %(default)s)"
    )
    parser.add_argument("--arpa", metavar="FILE", type=Path, help="write it in that format too")
    parser.add_argument("--bundle", metavar="DIR", type=Path, help="put it into this bundle too")
    parser.add_argument("--manifest", metavar="FILE", type=Path, help="print perplexities on it")
    parser.add_argument("--split", default="dev", help="of the manifest (default %(default)s)")


def add_tune_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `longwave tune`."""
    _add_set_arguments(parser)
    parser.add_argument("--lm", metavar="FILE", type=Path, help="first put it into the bundle")
    _add_values(parser, "--lm-weights", "A", (0.8, 1.0, 1.2, 1.4))
    _add_values(parser, "--word-bonuses", "B", (0.5, 1.5, 2.5))
    priors = "powers of the symbols' priors that posteriors are divided by (default %(default)s)"
    _add_values(parser, "--prior-weights", "P", (0.0, 0.3, 0.4, 0.5), priors)
    letters = "of letters, where the bundle can say words (default %(default)s)"
    _add_values(parser, "--letter-weights", "A", (0.2, 0.1, 0.3, 0.4), letters)
    phonemes = "of phonemes, likewise (default %(default)s)"
    _add_values(parser, "--phoneme-weights", "A", (0.8, 0.7, 0.9, 1.0), phonemes)
    unknown = "ln probability of each letter of an unknown word (default %(default)s)"
    _add_values(parser, "--oov-letter-log-probs", "L", (-3.0, -2.3, -4.0, -5.5), unknown)
    widths = "the first is tuned for, the others are tried last (default %(default)s)"
    _add_values(parser, "--beam-widths", "W", (128, 64, 256), widths)
    parser.add_argument("--write", action="store_true", help="write the best into the bundle")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write all trials as JSON")


def _add_values(
    parser: argparse.ArgumentParser,
    flag: str,
    metavar: str,
    default: tuple[float, ...],
    description: str | None = None,
) -> None:
    """A flag with one or more numbers of its default's type."""
    kind = type(default[0])
    parser.add_argument(
        flag, metavar=metavar, type=kind, nargs="+", default=default, help=description
    )


def _add_set_arguments(parser: argparse.ArgumentParser) -> None:
    """What a bundle is run on, and how."""
    parser.add_argument("--bundle", metavar="DIR", type=Path, required=True)
    parser.add_argument("--manifest", metavar="FILE", type=Path, required=True)
    parser.add_argument("--split", default="dev", help="of the manifest (default %(default)s)")
    parser.add_argument("--corpus", action="append", help="only this corpus; may be repeated")
    parser.add_argument(
        "--precision", choices=get_args(Precision), default=RuntimeOptions().precision
    )
    parser.add_argument("--provider", choices=get_args(Provider), default="auto")


def add_condition_arguments(parser: argparse.ArgumentParser) -> None:
    """Conditions to listen in; none of them means clean."""
    parser.add_argument(
        "--condition",
        action="append",
        help="clean, telephone, quiet, loud, noise10, noise5 or reverb; may be repeated",
    )
    parser.add_argument("--noise", metavar="DIR", type=Path, help="recordings for the noise")


def add_calibrate_arguments(parser: argparse.ArgumentParser) -> None:
    """Of `longwave calibrate`."""
    _add_set_arguments(parser)
    add_condition_arguments(parser)
    parser.add_argument("--report-split", metavar="SPLIT", help="report on this one too")
    parser.add_argument("--decoder", choices=DECODERS, default="greedy")
    parser.add_argument("--beam-width", metavar=f"1..{MAX_BEAM_WIDTH}", type=int, default=16)
    parser.add_argument("--write", action="store_true", help="write it into the bundle")
    parser.add_argument(
        "--plot", metavar="FILE", type=_picture, help="draw reliability, PNG or SVG"
    )


def _picture(name: str) -> Path:
    """Where a picture is to go, in a format that can be drawn."""
    path = Path(name)
    if path.suffix not in _PICTURES:
        raise argparse.ArgumentTypeError(f"{name} must end in {' or '.join(_PICTURES)}")
    return path
