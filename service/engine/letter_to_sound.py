"""How a word is said that no lexicon has: letter-to-sound rules, learned from one of other words.

A rule says which phonemes a letter stands for beside certain others. The letters around it are
looked at in the order of OFFSETS, and of the rules that fit the one decides that looks at most.
(Daelemans and van den Bosch 1996, "Language-independent data-oriented grapheme-to-phoneme
conversion".)
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, cast

from service.engine.errors import InvalidBundle

OFFSETS: Final = (0, 1, -1, 2, -2, 3, -3, 4, -4, 5)
"""Of the letters that a rule looks at, from the one that it is about."""

EDGE: Final = "_"
"""What there is before a word and after it."""

Rules = Mapping[str, tuple[int, ...]]
"""Letters, in the order of OFFSETS as far as a rule looks, to the phonemes of the first of them."""


def contexts(word: str) -> list[str]:
    """What rules may look at, for each letter of a word."""
    margin = max(map(abs, OFFSETS))
    padded = EDGE * margin + word + EDGE * margin
    places = range(margin, margin + len(word))
    return ["".join(padded[place + offset] for offset in OFFSETS) for place in places]


def say(rules: Rules, word: str) -> tuple[int, ...]:
    """The phonemes of a word; none if it has a letter that no rule is about."""
    phonemes: list[int] = []
    for context in contexts(word):
        lengths = range(len(context), 0, -1)
        fitting = (context[:length] for length in lengths if context[:length] in rules)
        rule = next(fitting, None)
        if rule is None:
            return ()
        phonemes += rules[rule]
    return tuple(phonemes)


def read_rules(path: Path, phonemes: Sequence[str]) -> Rules:
    """Read a file of one rule a line: its letters, then the phonemes, if any, spaces between.

    Args:
        path: the file, as `longwave pronounce --rules` writes it.
        phonemes: the acoustic model's, in order, the blank among them.

    Raises:
        InvalidBundle: it cannot be read, a line has a phoneme that the model has not, or looks at
            more letters than OFFSETS, or a rule is there twice.
    """
    index = {phoneme: number for number, phoneme in enumerate(phonemes)}
    rules: dict[str, tuple[int, ...]] = {}
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidBundle(f"the letter-to-sound rules cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        letters, *said = line.split() or [""]
        numbers = tuple(map(index.get, said))
        if not 1 <= len(letters) <= len(OFFSETS) or None in numbers or letters in rules:
            raise InvalidBundle(
                f"{path}, line {number}: {line!r} must be 1 to {len(OFFSETS)} letters, a new rule, "
                "and phonemes of the model"
            )
        rules[letters] = cast(tuple[int, ...], numbers)
    return rules
