"""What words add to a beam's score, and what an open word may be expected to add. Compiled.

Arguments named `text` are a beam's TEXT record.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.beams import TEXT
from service.engine.boosting import CAUTION, Boosts, credit, follow_boosts
from service.engine.compiled import borrowing, compiled
from service.engine.language_model import LanguageArrays
from service.engine.ngram_file import UNKNOWN_ID
from service.engine.ngram_search import CONTEXT_LENGTH, score_word
from service.engine.rows import copy_values
from service.engine.tries import NOWHERE, ROOT, Trie, children_of, find_child


class Words(NamedTuple):
    """All that judges words: shared, but for the boosts."""

    language: LanguageArrays
    boosts: Boosts
    space_id: int
    symbol_bonuses: NDArray[np.float64]  # [V] nats that are added to each symbol's log-posterior
    lm_weight: float
    word_bonus: float
    oov_letter_log_prob: float


@borrowing
def score_open_word(
    words: Words, text: np.void, context: NDArray[np.int32], after: NDArray[np.int32]
) -> tuple[float, int]:
    """What completing the open word adds to a beam's score, and the state of boosts after it.

    Args:
        context: [CONTEXT_LENGTH] the language model's state before the word.
        after: [CONTEXT_LENGTH] takes the state after it.
    """
    state = text["boost_state"]
    if text["num_letters"] == 0:
        copy_values(context, CONTEXT_LENGTH, after)
        return 0.0, state
    word_id = _end(words.language.letters, text["letters"])
    boosted = _end(words.boosts.letters, text["boost_letters"])
    known = word_id != NOWHERE
    log_prob = score_word(words.language.ngrams, context, word_id if known else UNKNOWN_ID, after)
    if not known and boosted == NOWHERE:
        log_prob += words.oov_letter_log_prob * text["num_letters"]
    boost, next_state = follow_boosts(words.boosts, state, boosted)
    return words.lm_weight * log_prob + words.word_bonus + boost, next_state


@compiled
def score_text(words: Words, symbols: NDArray[np.int32], start: NDArray[np.int32]) -> float:
    """What all words of a complete text add to its score.

    Args:
        symbols: [L] the text's, single spaces between its words.
        start: [CONTEXT_LENGTH] the language model's state before it.
    """
    texts = np.zeros(1, TEXT)
    text, context, after = texts[0], start.copy(), np.empty(CONTEXT_LENGTH, np.int32)
    text["letters"] = text["boost_letters"] = text["boost_state"] = ROOT
    total = 0.0
    for index in range(len(symbols) + 1):
        if index == len(symbols) or symbols[index] == words.space_id:
            added, text["boost_state"] = score_open_word(words, text, context, after)
            total += added
            copy_values(after, CONTEXT_LENGTH, context)
            text["num_letters"] = 0
            text["letters"] = text["boost_letters"] = ROOT
        else:
            text["num_letters"] += 1
            text["letters"] = find_child(words.language.letters, text["letters"], symbols[index])
            letters = words.boosts.letters
            text["boost_letters"] = find_child(letters, text["boost_letters"], symbols[index])
    return total - credit(words.boosts, text["boost_state"])


@borrowing
def look_ahead(words: Words, text: np.void, expected: NDArray[np.float64]) -> None:
    """Into `expected` [V], what the open word may be expected to add if that letter is the next.

    That is the score, in no context, of the best of the words that start so, which is what they are
    compared with others by until one of them is complete.
    """
    unknown = words.language.unknown_log_prob
    spelled = unknown + words.oov_letter_log_prob * (text["num_letters"] + 1)
    expected[:] = words.lm_weight * spelled + words.word_bonus
    letters = words.language.letters
    if text["letters"] != NOWHERE:
        for child in range(*children_of(letters, text["letters"])):
            best = max(letters[child]["best"], spelled)
            expected[letters[child]["label"]] = words.lm_weight * best + words.word_bonus
    letters = words.boosts.letters
    if text["boost_letters"] != NOWHERE:
        for child in range(*children_of(letters, text["boost_letters"])):
            label = letters[child]["label"]
            as_known = words.lm_weight * unknown + words.word_bonus
            credit_so_far = letters[child]["best"] * (text["num_letters"] + 1) ** CAUTION
            expected[label] = max(expected[label], as_known) + credit_so_far


@borrowing
def highest_look_ahead(words: Words) -> float:
    """No word may be expected to add more."""
    best = max(words.language.letters[ROOT]["best"], words.language.unknown_log_prob)
    best_boost = max(float(words.boosts.letters[ROOT]["best"]), 0.0)
    return float(words.lm_weight * best + words.word_bonus + best_boost)


@borrowing
def _end(trie: Trie, node: int) -> int:
    """The sequence that ends at a node, or NOWHERE."""
    return int(trie[node]["end"]) if node != NOWHERE else NOWHERE
