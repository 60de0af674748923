"""`longwave pronounce`: how words are said, by espeak-ng, as a lexicon file.

Training needs that of its transcripts' words (`training.phonemes`), and a bundle that of its
language model's, to find them by their sounds. A line of a lexicon is a word and its phonemes, with
spaces between, as in Kaldi and PocketSphinx.
"""

import argparse
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from service.engine.ngram_file import SPECIAL_WORDS, InvalidNgramFile, read_ngram_file
from training.manifest import InvalidManifest, read_manifest

Pronunciation = tuple[str, ...]

ESPEAK = ("espeak-ng", "-v", "en-us", "-q", "-x", "--sep= ")
_NOT_SOUNDS = str.maketrans("", "", "',%=_:;|2#~!")
"""Signs of stress, length, syllables and variants in espeak-ng's phoneme names."""

_UNSTRESSED = {"a": ("@",)}  # alone it is said as the letter's name


class InvalidLexicon(Exception):
    """A lexicon cannot be read or made; the message says why."""


def read_lexicon(path: Path) -> dict[str, Pronunciation]:
    """Words to their phonemes. Raises InvalidLexicon on a line without phonemes, and OSError."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidLexicon(f"{path} is no lexicon: {error}") from error
    lexicon = {}
    for number, line in enumerate(lines, start=1):
        word, *phonemes = line.split() or [""]
        if not phonemes:
            raise InvalidLexicon(f"{path}:{number}: {word!r} has no phonemes")
        lexicon[word] = tuple(phonemes)
    return lexicon


def write_lexicon(path: Path, lexicon: Mapping[str, Pronunciation]) -> None:
    """Write a lexicon in alphabetical order."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = (" ".join((word, *lexicon[word])) + "\n" for word in sorted(lexicon))
    path.write_text("".join(lines), encoding="utf-8")


def pronounce(words: Iterable[str]) -> dict[str, Pronunciation]:
    """The phonemes of each word, said alone. Words of which espeak-ng says nothing are left out.

    Raises InvalidLexicon where espeak-ng is not installed or answers something else.
    """
    if shutil.which(ESPEAK[0]) is None:
        raise InvalidLexicon(
            f"{ESPEAK[0]} is not installed; Debian has it in a package of that name"
        )
    ordered = sorted(set(words))
    answer = subprocess.run(
        ESPEAK, input="\n\n".join(ordered) + "\n", capture_output=True, text=True, check=True
    )
    said = [_sounds(line) for line in answer.stdout.split("\n\n")]
    if len(said) != len(ordered):
        raise InvalidLexicon(f"{ESPEAK[0]} said {len(said)} words of {len(ordered)}")
    lexicon = dict(zip(ordered, said, strict=True))
    lexicon.update(
        {word: lexicon[word] and plain for word, plain in _UNSTRESSED.items() if word in lexicon}
    )
    return {word: phonemes for word, phonemes in lexicon.items() if phonemes}


def phoneme_inventory(lexicon: Mapping[str, Sequence[str]]) -> tuple[str, ...]:
    """All phonemes of a lexicon, in alphabetical order."""
    return tuple(sorted({phoneme for phonemes in lexicon.values() for phoneme in phonemes}))


def _sounds(answer: str) -> Pronunciation:
    plain = (name.translate(_NOT_SOUNDS) for name in answer.split())
    return tuple(name for name in plain if name)


def run(arguments: argparse.Namespace) -> int:
    """Write the lexicon as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        utterances = [u for manifest in arguments.manifest for u in read_manifest(manifest)]
        words = {word for utterance in utterances for word in utterance.text.split()}
        if arguments.lm:
            words.update(read_ngram_file(arguments.lm).vocabulary[len(SPECIAL_WORDS) :])
        if not words:
            raise InvalidLexicon("no words to say: name manifests that have some, or --lm FILE")
        lexicon = pronounce(words)
        write_lexicon(arguments.output, lexicon)
    except (
        InvalidManifest, InvalidLexicon, InvalidNgramFile, OSError, subprocess.CalledProcessError,
    ) as error:  # fmt: skip
        print(f"longwave pronounce: {error}", file=sys.stderr)
        return 2
    print(f"{len(lexicon)} words, {len(phoneme_inventory(lexicon))} phonemes", file=sys.stderr)
    return 0
