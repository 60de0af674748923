"""`longwave synthesize`: text into a corpus of synthetic speech."""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from training.manifest import InvalidManifest, read_manifest
from training.synthesis.corpus import OtherCorpus, SynthesisFailed, plan, write_corpus
from training.synthesis.coverage import Excluded, TextGroup, choose
from training.synthesis.engines import ENGINES, NoSynthesiser, installed_voices

WORDS_A_SECOND = 2.3  # of the corpus, silences included
_SECONDS_PER_HOUR = 3600


class InvalidRequest(Exception):
    """What to speak, or how much, is not given as it must be. The message says how."""


def run(arguments: argparse.Namespace) -> int:
    """Synthesise as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        _synthesise(arguments)
    except (
        InvalidManifest, InvalidRequest, NoSynthesiser, OtherCorpus, OSError, SynthesisFailed,
    ) as error:  # fmt: skip
        print(f"longwave synthesize: {error}", file=sys.stderr)
        return 2
    return 0


def _synthesise(arguments: argparse.Namespace) -> None:
    groups = [_group(words) for words in arguments.text]
    if not 0 < arguments.hours < math.inf:
        raise InvalidRequest(f"--hours is {arguments.hours}; it must be above 0")
    if arguments.workers < 1:
        raise InvalidRequest(f"--workers is {arguments.workers}; it must be at least 1")
    voices = installed_voices(ENGINES, arguments.engine or ())
    counts = ", ".join(f"{len(names)} of {engine}" for engine, names in voices.items())
    print(f"voices: {counts}", file=sys.stderr)
    num_words = math.ceil(arguments.hours * _SECONDS_PER_HOUR * WORDS_A_SECOND)
    texts = choose(groups, num_words, _excluded(arguments.exclude), arguments.seed)
    if not texts:
        raise InvalidRequest("the texts hold no sentence that can be spoken")
    lines = plan(texts, voices, arguments.seed)
    for done in write_corpus(arguments.output, lines, ENGINES, arguments.workers):
        print(f"\r{done} of {len(lines)} sentences", end="", file=sys.stderr)
    utterances = read_manifest(arguments.output / "manifest.jsonl")
    hours = sum(utterance.duration_s for utterance in utterances) / _SECONDS_PER_HOUR
    unspoken = len(lines) - len(utterances)
    print(f"\n{len(utterances)} sentences, {hours:.2f} hours, {unspoken} failed", file=sys.stderr)


def _group(words: Sequence[str]) -> TextGroup:
    """SHARE FILE [FILE ...] as a group of texts."""
    try:
        share = float(words[0])
    except ValueError:
        share = 0.0
    if not (0 < share < math.inf and words[1:]):
        raise InvalidRequest(f"--text {' '.join(words)}: give a share above 0, then text files")
    return TextGroup(share, tuple(Path(word) for word in words[1:]))


def _excluded(manifest: Path | None) -> Excluded:
    if manifest is None:
        return Excluded()
    measured = [utterance for utterance in read_manifest(manifest) if utterance.split != "train"]
    return Excluded.of(utterance.text for utterance in measured)
