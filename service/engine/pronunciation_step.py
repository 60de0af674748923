"""One frame of the search over pronounced words: where all hypotheses lead to. Compiled.

`pronunciation_search` has the formulas.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import borrowing, compiled
from service.engine.lexicon import Pronunciations
from service.engine.log_sums import add_logs
from service.engine.ngram_search import CONTEXT_LENGTH, Ngrams, score_word
from service.engine.pronunciation_beams import Hypotheses, history_with, identity_at
from service.engine.pruning import Pruning
from service.engine.said_boosts import SaidBoosts, boost_word
from service.engine.tries import NOWHERE, ROOT

_CANDIDATE = np.dtype(
    [
        ("identity", np.uint64),
        ("history", np.uint64),
        ("blank", np.float64),
        ("symbol", np.float64),
        ("total", np.float64),  # of both, once all paths are added
        ("fused", np.float64),
        ("expected", np.float64),
        ("node", np.int32),
        ("slot", np.int32),  # of the hypothesis that it comes from
        ("word", np.int32),  # that has ended with it, or NOWHERE
        ("boost_state", np.int32),
    ],
    align=True,
)
_MAX_CANDIDATES = 2**14
_TABLE_SIZE = 2**15


class Judges(NamedTuple):
    """All that hypotheses are ranked by. Shared."""

    pronunciations: Pronunciations
    ngrams: Ngrams
    weight: float  # of the sounds
    lm_weight: float
    word_bonus: float
    boosts: SaidBoosts


class Candidates(NamedTuple):
    """What a frame makes of the hypotheses, found by identity in a hash table."""

    rows: NDArray[np.void]  # [_MAX_CANDIDATES] _CANDIDATE
    table: NDArray[np.int16]  # [_TABLE_SIZE] a row, or NOWHERE
    num_rows: NDArray[np.int64]  # [1]
    after: NDArray[np.int32]  # [CONTEXT_LENGTH] for a state of the language model


class Frame(NamedTuple):
    """What is heard in a frame."""

    log_probs: NDArray[np.float64]  # [P] natural log
    phonemes: NDArray[np.int64]  # those worth following, ascending, never the blank
    limit: float  # candidates with a lower score are not worth following


@compiled
def no_candidates() -> Candidates:
    """Room for candidates."""
    return Candidates(
        np.empty(_MAX_CANDIDATES, _CANDIDATE),
        np.full(_TABLE_SIZE, NOWHERE, np.int16),
        np.zeros(1, np.int64),
        np.empty(CONTEXT_LENGTH, np.int32),
    )


@borrowing
def step_hypotheses(
    judges: Judges,
    pruning: Pruning,
    hypotheses: Hypotheses,
    heard: tuple[NDArray[np.float64], NDArray[np.int64]],
    candidates: Candidates,
) -> None:
    """Fill in the candidates: what stays, what goes on in its word, and what begins another."""
    log_probs, phonemes = heard
    candidates.num_rows[0] = 0
    candidates.table[:] = NOWHERE
    trie = judges.pronunciations.trie
    best = -np.inf
    for slot, head in enumerate(hypotheses.heads):
        row = candidates.rows[_row_of(candidates, head["identity"])]
        row["history"], row["fused"], row["node"] = head["history"], head["fused"], head["node"]
        row["expected"], row["boost_state"] = head["expected"], head["boost_state"]
        row["slot"], row["word"] = slot, NOWHERE
        row["blank"] = head["total"] + log_probs[pruning.blank_id]
        row["symbol"] = head["symbol"] + log_probs[trie[head["node"]]["label"]]
        likely = max(row["blank"], row["symbol"])
        best = max(best, judges.weight * likely + row["fused"] + row["expected"])
    frame = Frame(log_probs, phonemes, best - pruning.beam_margin)
    _go_on(judges, hypotheses.heads, frame, candidates)
    _begin_words(judges, hypotheses, frame, candidates)


@borrowing
def _go_on(judges: Judges, heads: NDArray[np.void], frame: Frame, candidates: Candidates) -> None:
    """Add what the hypotheses become whose open words get another phoneme."""
    trie, phonemes, expected = judges.pronunciations.trie, frame.phonemes, judges.boosts.expected
    for slot, head in enumerate(heads):
        child, end = trie[head["node"]]["first_child"], trie[head["node"] + 1]["first_child"]
        total, last = head["total"], trie[head["node"]]["label"]
        column = 0
        while child < end and column < len(phonemes):  # both ascend
            label = trie[child]["label"]
            if label == phonemes[column]:
                log_prob = (head["blank"] if label == last else total) + frame.log_probs[label]
                score = judges.weight * log_prob + head["fused"] + expected[child]
                if score >= frame.limit:
                    place = (head["history"], child, head["fused"], expected[child])
                    _add(candidates, place, log_prob, (slot, NOWHERE, head["boost_state"]))
            child, column = (
                child + (label <= phonemes[column]),
                column + (label >= phonemes[column]),
            )


@borrowing
def _begin_words(
    judges: Judges, hypotheses: Hypotheses, frame: Frame, candidates: Candidates
) -> None:
    """Add what the hypotheses become whose open words are complete and followed by another's."""
    trie = judges.pronunciations.trie
    loudest = -np.inf
    for phoneme in frame.phonemes:
        loudest = max(loudest, frame.log_probs[phoneme])
    two_words = 2.0 * (judges.word_bonus + judges.boosts.highest)  # however probable both are
    two_words += judges.lm_weight * trie[ROOT]["best"]
    for slot, head in enumerate(hypotheses.heads):
        if trie[head["node"]]["end"] != NOWHERE:
            score = judges.weight * (head["total"] + loudest) + head["fused"]
            if score + two_words >= frame.limit:
                _begin(judges, hypotheses, slot, frame, candidates)


@borrowing
def _begin(
    judges: Judges, hypotheses: Hypotheses, slot: int, frame: Frame, candidates: Candidates
) -> None:
    """Add what a hypothesis becomes whose word is complete and followed by another's beginning."""
    head, lexicon, expected = hypotheses.heads[slot], judges.pronunciations, judges.boosts.expected
    total, last = head["total"], lexicon.trie[head["node"]]["label"]
    pronunciation = lexicon.trie[head["node"]]["end"]
    for index in range(*words_said(lexicon, pronunciation)):
        word = lexicon.words[index]
        log_prob = end_word(judges, hypotheses, slot, index, candidates.after)
        boost, boost_state = boost_word(judges.boosts, head["boost_state"], word)
        fused = head["fused"] + judges.lm_weight * log_prob + judges.word_bonus + boost
        history = history_with(head["history"], word)
        for phoneme in frame.phonemes:
            child = lexicon.first_nodes[phoneme]
            if child == NOWHERE:
                continue
            sounds = (head["blank"] if phoneme == last else total) + frame.log_probs[phoneme]
            if judges.weight * sounds + fused + expected[child] >= frame.limit:
                place = (history, child, fused, expected[child])
                _add(candidates, place, sounds, (slot, word, boost_state))


@borrowing
def end_word(
    judges: Judges, hypotheses: Hypotheses, slot: int, index: int, after: NDArray[np.int32]
) -> float:
    """ln P of the word at an index after a hypothesis whose open word it completes.

    Of words that sound alike, the first one's is kept: it is asked for in frame after frame, and
    looking n-grams up is slow.
    """
    head, lexicon = hypotheses.heads[slot], judges.pronunciations
    is_first = index == lexicon.first_word[lexicon.trie[head["node"]]["end"]]
    if is_first and not np.isnan(head["ending"]):
        return float(head["ending"])
    log_prob = score_word(judges.ngrams, hypotheses.context[slot], lexicon.words[index], after)
    if is_first:
        head["ending"] = log_prob
    return log_prob


@borrowing
def words_said(lexicon: Pronunciations, pronunciation: int) -> tuple[int, int]:
    """From where to where in `words` the words with a pronunciation are."""
    return int(lexicon.first_word[pronunciation]), int(lexicon.first_word[pronunciation + 1])


@borrowing
def _add(
    candidates: Candidates,
    place: tuple[np.uint64, int, float, float],
    log_prob: float,
    source: tuple[int, int, int],
) -> None:
    """Add paths that end in the phoneme of a node to those that lead there already."""
    history, node, fused, expected = place
    row = candidates.rows[_row_of(candidates, identity_at(history, node))]
    if row["node"] == NOWHERE:
        row["history"], row["node"] = history, node
        row["fused"], row["expected"] = fused, expected
        row["slot"], row["word"], row["boost_state"] = source
        row["blank"], row["symbol"] = -np.inf, log_prob
    else:
        row["symbol"] = add_logs(row["symbol"], log_prob)


@borrowing
def _row_of(candidates: Candidates, identity: np.uint64) -> int:
    """The row of an identity; a new one has the node NOWHERE.

    Beyond the room that there is, all new ones get the last row, each in place of the one before.
    """
    place = np.int64(identity % np.uint64(_TABLE_SIZE))
    while candidates.table[place] != NOWHERE:
        row = candidates.table[place]
        if candidates.rows[row]["identity"] == identity:
            return int(row)
        place = (place + 1) % _TABLE_SIZE
    row = min(candidates.num_rows[0], _MAX_CANDIDATES - 1)
    if candidates.num_rows[0] < _MAX_CANDIDATES:  # so the table is never more than half full
        candidates.num_rows[0] += 1
        candidates.table[place] = row
    candidates.rows[row]["identity"] = identity
    candidates.rows[row]["node"] = NOWHERE
    return int(row)
