"""Arguments of the commands that prepare decoding: the language model and what is tuned."""

import argparse
from pathlib import Path

from service.engine.ngram_file import MAX_ORDER


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
