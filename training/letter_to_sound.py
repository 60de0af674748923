"""`longwave rules`: letter-to-sound rules, from a lexicon, for words that it lacks.

First every letter of every word is given its share of the word's phonemes, none to MOST_PHONEMES of
them in a row: the most probable cutting, by how often letters stand for which phonemes, which is
counted in the cuttings of the round before (Viterbi training; Damper and others 2005, "Aligning
text and phonemes for speech technology applications using an EM-like algorithm"). Then every
rule is kept that says something else than the next shorter one that fits.
"""

import argparse
import math
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from service.engine.errors import EngineError
from service.engine.letter_to_sound import contexts, longest_rule, say
from training.bundle_files import put_rules
from training.pronunciation import InvalidLexicon, Pronunciation, read_lexicon, write_lexicon

MOST_PHONEMES: Final = 2  # of one letter, as of x

_NUM_ROUNDS = 6
_TRY_EVERY = 10
_UNSEEN_COUNT = 0.02  # of a letter with phonemes that it has not stood for yet

Alignment = list[tuple[str, Pronunciation]]
"""The letters of a word, each with its share of the phonemes."""

Costs = Mapping[tuple[str, Pronunciation], float]


class _Cut(NamedTuple):
    cost: float
    before: int  # phonemes of the letters before


def learn_rules(lexicon: Mapping[str, Pronunciation]) -> dict[str, Pronunciation]:
    """The rules that say the words of a lexicon, but for those with too many phonemes."""
    said: defaultdict[str, Counter[Pronunciation]] = defaultdict(Counter)
    for alignment in align(lexicon):
        word = "".join(letter for letter, _ in alignment)
        for context, (_, phonemes) in zip(contexts(word), alignment, strict=True):
            for length in range(1, len(context) + 1):
                said[context[:length]][phonemes] += 1
    rules: dict[str, Pronunciation] = {}
    for letters in sorted(said, key=len):
        ((phonemes, _),) = said[letters].most_common(1)
        if phonemes != longest_rule(rules, letters):  # a shorter one, as yet
            rules[letters] = phonemes
    return rules


def share_right(lexicon: Mapping[str, Pronunciation]) -> float:
    """How many words of a lexicon are said right, by rules from the others: one in ten is tried."""
    tried = sorted(lexicon)[::_TRY_EVERY]
    held_out = set(tried)
    rules = learn_rules({word: said for word, said in lexicon.items() if word not in held_out})
    return sum(say(rules, word) == lexicon[word] for word in tried) / max(1, len(tried))


def align(lexicon: Mapping[str, Pronunciation]) -> list[Alignment]:
    """The words of a lexicon that have no more phonemes than their letters can stand for."""
    words = {w: said for w, said in lexicon.items() if len(said) <= MOST_PHONEMES * len(w)}
    alignments = [_evenly(word, phonemes) for word, phonemes in words.items()]
    for _ in range(_NUM_ROUNDS):
        costs, unseen = _costs(alignments)
        alignments = [_best(word, said, costs, unseen) for word, said in words.items()]
    return alignments


def _evenly(word: str, phonemes: Pronunciation) -> Alignment:
    cuts = [round(place * len(phonemes) / len(word)) for place in range(len(word) + 1)]
    return [(letter, phonemes[cuts[i] : cuts[i + 1]]) for i, letter in enumerate(word)]


def _costs(alignments: Iterable[Alignment]) -> tuple[Costs, Mapping[str, float]]:
    """-ln P(phonemes | letter), and for each letter that of phonemes that it has not had."""
    counts = Counter(pair for alignment in alignments for pair in alignment)
    totals: Counter[str] = Counter()
    for (letter, _), count in counts.items():
        totals[letter] += count
    costs = {pair: math.log(totals[pair[0]] / count) for pair, count in counts.items()}
    return costs, {letter: math.log(total / _UNSEEN_COUNT) for letter, total in totals.items()}


def _best(
    word: str, phonemes: Pronunciation, costs: Costs, unseen: Mapping[str, float]
) -> Alignment:
    """The cheapest cutting of a word's phonemes."""
    rows = [{0: _Cut(0.0, 0)}]  # by letter, by how many phonemes are shared out
    for place, letter in enumerate(word):
        row: dict[int, _Cut] = {}
        most_left = MOST_PHONEMES * (len(word) - 1 - place)
        for before, cut in rows[-1].items():
            first = max(before, len(phonemes) - most_left)
            for after in range(first, min(before + MOST_PHONEMES, len(phonemes)) + 1):
                cost = cut.cost + costs.get((letter, phonemes[before:after]), unseen[letter])
                if after not in row or cost < row[after].cost:
                    row[after] = _Cut(cost, before)
        rows.append(row)
    return _read_back(word, phonemes, rows)


def _read_back(word: str, phonemes: Pronunciation, rows: Sequence[Mapping[int, _Cut]]) -> Alignment:
    alignment: Alignment = []
    after = len(phonemes)
    for letter, row in zip(reversed(word), reversed(rows), strict=False):
        before = row[after].before
        alignment.append((letter, phonemes[before:after]))
        after = before
    return alignment[::-1]


def run(arguments: argparse.Namespace) -> int:
    """Learn as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        lexicon = read_lexicon(arguments.lexicon)
        rules = learn_rules(lexicon)
        write_lexicon(arguments.output, rules)
        if arguments.bundle:
            put_rules(arguments.bundle, arguments.output)
    except (InvalidLexicon, EngineError, OSError) as error:
        print(f"longwave rules: {error}", file=sys.stderr)
        return 2
    right = f"{share_right(lexicon):.1%} of words right that were held out"
    print(f"{len(rules)} rules from {len(lexicon)} words; {right}")
    return 0
