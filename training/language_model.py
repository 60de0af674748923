"""`longwave lm`: text becomes the n-gram language model that the beam decoder fuses."""

import argparse
import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from service.engine.errors import EngineError
from service.engine.language_model import LanguageModel
from service.engine.ngram_file import MAX_ORDER, MAX_WORDS, SPECIAL_WORDS, encode_ngram_file
from training.arpa import write_arpa
from training.bundle_files import put_language_model
from training.kneser_ney import Estimates, estimate
from training.language_model_text import Source, Tokens, read_tokens
from training.manifest import InvalidManifest, read_manifest
from training.ngram_counts import count_ngrams
from training.ngram_pruning import losses, prune
from training.ngram_quantisation import to_trie
from training.perplexity import Perplexity, perplexities
from training.text import VOCABULARY

_FIRST_GUESS = 2.6  # bytes of the file for an n-gram
_MAX_TRIES = 10
_NEARLY = 0.98  # of the size that is allowed


class NoText(ValueError):
    """There is nothing to learn from, or it is asked for what cannot be; the message says what."""


@dataclass(frozen=True, slots=True)
class LanguageModelOptions:
    """What to build.

    Raises:
        NoText: a value is out of range.
    """

    order: int = 4
    vocabulary_size: int = 60_000
    min_count: int = 2  # of a word of the vocabulary
    max_bytes: int = 8 * 2**20  # of the file

    def __post_init__(self) -> None:
        for name, value, most in (
            ("order", self.order, MAX_ORDER),
            ("vocabulary size", self.vocabulary_size, MAX_WORDS - len(SPECIAL_WORDS)),
            ("minimum count", self.min_count, 10**9),
            ("file size", self.max_bytes, 2**31),
        ):
            if not 1 <= value <= most:
                raise NoText(f"the {name} is {value}; it must be between 1 and {most}")


def build(tokens: Tokens, options: LanguageModelOptions) -> tuple[bytes, list[Estimates]]:
    """The file of the best model that is no larger than asked for, and what is in it.

    Raises NoText where even the words alone take more.
    """
    orders = estimate(count_ngrams(tokens, options.order), tokens.weights)
    found_losses = losses(orders)
    num_ngrams = sum(map(len, found_losses))
    num_kept = min(int(options.max_bytes / _FIRST_GUESS), num_ngrams)
    for _ in range(_MAX_TRIES):
        pruned = prune(orders, found_losses, num_kept)
        content = encode_ngram_file(to_trie(tokens.vocabulary, pruned))
        fill = len(content) / options.max_bytes
        if fill <= 1 and (fill >= _NEARLY or num_kept == num_ngrams):
            break
        num_kept = min(int(num_kept * (1 + _NEARLY) / 2 / fill), num_ngrams)
    if len(content) > options.max_bytes:
        raise NoText(f"{options.max_bytes} bytes are too few; allow more, or fewer words")
    return content, pruned


def run(arguments: argparse.Namespace) -> int:
    """Build as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        sources = [_source(words) for words in arguments.source]
        options = LanguageModelOptions(
            arguments.order,
            arguments.vocabulary_size,
            arguments.min_count,
            _bytes(arguments.max_mib),
        )
        dev = read_manifest(arguments.manifest) if arguments.manifest else []
        tokens = read_tokens(sources, options.vocabulary_size, options.min_count)
        if len(tokens.vocabulary) == len(SPECIAL_WORDS):
            raise NoText("the text has no word that is frequent enough; give more of it")
        content, orders = build(tokens, options)
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_bytes(content)
        if arguments.arpa:
            write_arpa(arguments.arpa, tokens.vocabulary, orders)
        if arguments.bundle:
            put_language_model(arguments.bundle, arguments.output)
    except (NoText, InvalidManifest, EngineError, OSError) as error:
        print(f"longwave lm: {error}", file=sys.stderr)
        return 2
    counts = ", ".join(f"{len(order.word):,}" for order in orders)
    print(f"{arguments.output}: {len(content) / 2**20:.2f} MiB, n-grams by order: {counts}")
    if dev:
        model = LanguageModel(to_trie(tokens.vocabulary, orders), VOCABULARY)
        print(_table(perplexities(model, [u for u in dev if u.split == arguments.split])))
    return 0


def _bytes(mebibytes: float) -> int:
    if not math.isfinite(mebibytes):
        raise NoText(f"--max-mib is {mebibytes}; it must be between 1 byte and 2 GiB")
    return int(mebibytes * 2**20)


def _source(words: Sequence[str]) -> Source:
    weight, *paths = words
    try:
        source = Source(tuple(Path(path) for path in paths), float(weight))
    except ValueError:
        raise NoText(f"--source {weight}: the first word must be the weight, a number") from None
    if not paths or not 0 < source.weight < float("inf"):
        raise NoText(f"--source {' '.join(words)}: give a weight above 0 and then text files")
    return source


def _table(found: dict[str, Perplexity]) -> str:
    rows = [
        f"{corpus:<20} {p.perplexity:10.1f} {p.oov_rate:8.2%} {p.num_words:8}"
        for corpus, p in found.items()
    ]
    return "\n".join([f"{'corpus':<20} {'perplexity':>10} {'unknown':>8} {'words':>8}", *rows])
