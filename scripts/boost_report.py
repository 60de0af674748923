"""What boosting finds and what it costs: the rare words of a set, boosted while it is decoded.

    .venv/bin/python scripts/boost_report.py --bundle models/en --manifest .data/manifest.jsonl

Rare are words that the language model does not know or hardly ever expects. One is found where
the alignment pairs it with itself. Other text is the utterances without a rare word: whatever is
boosted in them is wrong. The model hears the set once, in the chunks of whole files.
"""

import argparse
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from service.engine.bundle import Bundle, load_bundle
from service.engine.errors import EngineError, InvalidBundle
from service.engine.language_model import LanguageModel
from service.engine.ngram_search import CONTEXT_LENGTH
from service.engine.onnx_acoustic import load_acoustic_model
from service.engine.options import (
    DEFAULT_BOOST_WEIGHT,
    MAX_BOOST_PHRASES,
    BoostPhrase,
    RecognitionOptions,
    RuntimeOptions,
)
from service.engine.recognizer import bundle_language_model, make_segmenter
from service.engine.tries import NOWHERE
from training.heard import Heard, hear, read_words
from training.manifest import InvalidManifest, read_selected
from training.score import ErrorCounts, matched, total, word_errors


@dataclass(frozen=True, slots=True)
class Decoded:
    """One utterance, decoded with some words boosted."""

    num_rare: int
    num_found: int
    errors: ErrorCounts


def main(argv: Sequence[str] | None = None) -> int:
    """Print a line for each weight; 2 for wrong input."""
    arguments = _parser().parse_args(argv)
    try:
        bundle = load_bundle(arguments.bundle)
        language_model = bundle_language_model(bundle)
        if language_model is None:
            raise InvalidBundle(f"{arguments.bundle} has no language model")
        utterances = read_selected(arguments.manifest, [arguments.split], None)
        heard = hear(bundle, load_acoustic_model(bundle, RuntimeOptions()), utterances)
    except (InvalidManifest, EngineError, OSError) as error:
        print(f"boost_report: {error}", file=sys.stderr)
        return 2
    said = {word for utterance in utterances for word in utterance.text.split()}
    rare = rarest(language_model, said, arguments.rarity)[:MAX_BOOST_PHRASES]
    beam_width = arguments.beam_width or bundle.decoding.beam_width
    print(f"{len(rare)} rare words in {len(heard)} utterances")
    print(f"{'weight':>6} {'found':>9} {'WER with':>9} {'WER others':>10}")
    for weight in (0.0, *arguments.weights):
        boost = tuple(BoostPhrase(word, weight) for word in rare) if weight else ()
        options = RecognitionOptions("beam", beam_width, boost=boost)
        print(as_line(weight, decode(bundle, language_model, heard, frozenset(rare), options)))
    return 0


def rarest(language_model: LanguageModel, words: Collection[str], max_log_prob: float) -> list[str]:
    """The words that are unknown or, in no context, at most so probable; the rarest first."""
    nothing = np.full(CONTEXT_LENGTH, NOWHERE, np.int32)
    log_probs = {
        word: language_model.score(nothing, word)[0] if language_model.knows(word) else -np.inf
        for word in words
    }
    rare = (word for word, log_prob in log_probs.items() if log_prob <= max_log_prob)
    return sorted(rare, key=lambda word: (log_probs[word], word))


def decode(
    bundle: Bundle,
    language_model: LanguageModel,
    heard: Sequence[Heard],
    rare: Collection[str],
    options: RecognitionOptions,
) -> list[Decoded]:
    """Decode all utterances, and look for the rare words."""
    segmenter = make_segmenter(bundle, language_model, options)
    decoded = []
    for item in heard:
        reference = item.utterance.text.split()
        hypothesis = [word.text for word in read_words(segmenter, item)]
        found = zip(hypothesis, matched(reference, hypothesis), strict=True)
        decoded.append(
            Decoded(
                num_rare=sum(word in rare for word in reference),
                num_found=sum(word in rare and is_right for word, is_right in found),
                errors=word_errors(item.utterance.text, " ".join(hypothesis)),
            )
        )
    return decoded


def as_line(weight: float, decoded: Sequence[Decoded]) -> str:
    """A weight and what came of it, under the heading of `main`."""
    num_rare, num_found = sum(d.num_rare for d in decoded), sum(d.num_found for d in decoded)
    with_rare = total([d.errors for d in decoded if d.num_rare]).rate
    others = total([d.errors for d in decoded if not d.num_rare]).rate
    return f"{weight:6.2f} {num_found:4}/{num_rare:<4} {with_rare:9.2%} {others:10.2%}"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="boost_report")
    parser.add_argument("--bundle", metavar="DIR", type=Path, default=Path("models/en"))
    parser.add_argument("--manifest", metavar="FILE", type=Path, required=True)
    parser.add_argument("--split", default="dev", help="of the manifest (default %(default)s)")
    parser.add_argument(
        "--rarity",
        metavar="L",
        type=float,
        default=-12.0,
        help="ln probability in no context that a rare word has at most (default %(default)s)",
    )
    parser.add_argument(
        "--weights",
        metavar="W",
        type=float,
        nargs="+",
        default=(DEFAULT_BOOST_WEIGHT, 2 * DEFAULT_BOOST_WEIGHT, 4 * DEFAULT_BOOST_WEIGHT),
        help="nats a word (default: once, twice and four times the default weight)",
    )
    parser.add_argument("--beam-width", metavar="W", type=int, help="instead of the bundle's")
    return parser


if __name__ == "__main__":
    sys.exit(main())
