"""How a word is said that no lexicon has: letter-to-sound rules, learned from one of other words.

A rule says which phonemes a letter stands for beside certain others. The letters around it are
looked at in the order of OFFSETS, and of the rules that fit the one decides that looks at most.
(Daelemans and van den Bosch 1996, "Language-independent data-oriented grapheme-to-phoneme
conversion".)
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, TypeVar

from service.engine.lexicon import read_said

Phoneme = TypeVar("Phoneme", int, str)

OFFSETS: Final = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5)
"""Of the letters that a rule looks at, from the one that it is about."""

EDGE: Final = "_"
"""What there is before a word and after it."""

Rules = Mapping[str, bytes]
"""Letters, in the order of OFFSETS as far as a rule looks, to the phonemes of the first of them."""


def contexts(word: str) -> list[str]:
    """What rules may look at, for each letter of a word."""
    margin = max(map(abs, OFFSETS))
    padded = EDGE * margin + word + EDGE * margin
    places = range(margin, margin + len(word))
    return ["".join(padded[place + offset] for offset in OFFSETS) for place in places]


def longest_rule(rules: Mapping[str, Sequence[Phoneme]], context: str) -> Sequence[Phoneme] | None:
    """What the rule says that looks at most of a context's letters, if any fits."""
    lengths = range(len(context), 0, -1)
    fitting = (context[:length] for length in lengths if context[:length] in rules)
    return next((rules[letters] for letters in fitting), None)


def say(rules: Mapping[str, Sequence[Phoneme]], word: str) -> tuple[Phoneme, ...]:
    """The phonemes of a word; none if it has a letter that no rule is about."""
    phonemes: list[Phoneme] = []
    for context in contexts(word):
        said = longest_rule(rules, context)
        if said is None:
            return ()
        phonemes += said
    return tuple(phonemes)


def read_rules(path: Path, phonemes: Sequence[str]) -> Rules:
    """Read a file of one rule a line: its letters, then the phonemes, if any, spaces between.

    Args:
        path: the file, as `longwave rules` writes it.
        phonemes: the acoustic model's, in order, the blank first.

    Raises:
        InvalidBundle: it cannot be read, a line has a phoneme that the model has not, or looks at
            more letters than OFFSETS, or a rule is there twice.
    """
    return read_said(
        path,
        phonemes,
        name="letter-to-sound rules",
        must_be=f"1 to {len(OFFSETS)} letters, a new rule, and phonemes of the model",
        allows=lambda letters, _: 1 <= len(letters) <= len(OFFSETS),
    )
