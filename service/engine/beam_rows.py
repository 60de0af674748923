"""Copying and extending single beams in arrays of beams. Compiled."""

import numpy as np
from numpy.typing import NDArray

from service.engine.beams import BLANK, EMISSION, PATH, SYMBOL, TEXT, Beams
from service.engine.boosting import credit
from service.engine.compiled import borrowing, brief, compiled
from service.engine.log_sums import add_logs
from service.engine.ngram_search import CONTEXT_LENGTH
from service.engine.rows import copy_values
from service.engine.tries import ROOT, find_child
from service.engine.word_scores import Words, score_open_word

_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: the product modulo 2^64 can be undone
_HASH_SHIFT = np.uint64(32)


@compiled
def new_beams(num_beams: int, capacity: int) -> Beams:
    """Room for beams, with nothing in it."""
    return Beams(
        np.empty((2, num_beams), PATH),
        np.empty((2, num_beams, capacity), EMISSION),
        np.empty((num_beams, capacity), np.int32),
        np.empty(num_beams, TEXT),
        np.empty((num_beams, CONTEXT_LENGTH), np.int32),
    )


@borrowing
def copy_beams(source: Beams, num_beams: int, target: Beams) -> None:
    """Copy the first beams whole."""
    for slot in range(num_beams):
        copy_text(source, slot, target, slot)
        for kind in (BLANK, SYMBOL):
            target.paths[kind, slot] = source.paths[kind, slot]
            copy_path(source, kind, slot, target, (kind, slot))


@borrowing
def copy_text(source: Beams, slot: int, target: Beams, new: int) -> None:
    """Copy a beam's text."""
    length = source.texts[slot]["length"]
    copy_values(source.symbols[slot], length, target.symbols[new])
    target.texts[new] = source.texts[slot]
    copy_values(source.context[slot], CONTEXT_LENGTH, target.context[new])


@borrowing
def copy_path(source: Beams, kind: int, slot: int, target: Beams, path: tuple[int, int]) -> None:
    """Copy the emissions of a beam's path of one kind to the kind and beam in `path`."""
    new_kind, new = path
    for index in range(source.texts[slot]["length"]):
        target.emissions[new_kind, new, index] = source.emissions[kind, slot, index]


@borrowing
def extend_text(
    words: Words, source: Beams, slot: int, extension: tuple[Beams, int], added: int
) -> None:
    """Make a copy of the text of `source`'s beam `slot` one symbol longer."""
    target, new = extension
    old, text = source.texts[slot], target.texts[new]
    target.symbols[new, old["length"]] = added
    text["length"] = old["length"] + 1
    text["last"] = added
    text["parent"] = old["identity"]
    text["identity"] = _extended_hash(old["identity"], added)
    if added == words.space_id:
        score, state = score_open_word(words, old, source.context[slot], target.context[new])
        text["fused"] = old["fused"] + score
        text["ahead"] = text["at_end"] = 0.0
        text["num_letters"] = 0
        text["letters"] = text["boost_letters"] = ROOT
        text["boost_state"] = state
    else:
        text["at_end"] = np.nan
        text["num_letters"] = old["num_letters"] + 1
        text["letters"] = find_child(words.language.letters, old["letters"], added)
        text["boost_letters"] = find_child(words.boosts.letters, old["boost_letters"], added)


@brief
def final_scores(words: Words, beams: Beams) -> NDArray[np.float64]:
    """[B] scores of the beams as complete texts: open words end, unfinished phrases count not."""
    scores = np.empty(len(beams.texts))
    after = np.empty(CONTEXT_LENGTH, np.int32)
    for slot, text in enumerate(beams.texts):
        blank, symbol = beams.paths[BLANK, slot], beams.paths[SYMBOL, slot]
        score, state = score_open_word(words, text, beams.context[slot], after)
        total = add_logs(blank["log_prob"], symbol["log_prob"])
        scores[slot] = total + text["fused"] + score - credit(words.boosts, state)
    return scores


@borrowing
def _extended_hash(identity: np.uint64, added: int) -> np.uint64:
    """The hash of a prefix with a symbol added, by multiply and shift modulo 2^64.

    Neither step loses information, so different prefixes are equal by accident only: of 64 beams,
    two are mistaken for one another about once in 10^10 hours of audio.
    """
    mixed = (identity + np.uint64(added)) * _HASH_FACTOR
    return mixed ^ (mixed >> _HASH_SHIFT)
