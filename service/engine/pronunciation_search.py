"""CTC beam search over pronounced words, frame by frame, compiled.

Where `prefix_search` spells, this search says: its symbols are phonemes, and a hypothesis is whole
words and the beginning of the next one's pronunciation, a node of the lexicon's trie. Nothing is
heard between words, so a word ends without a symbol: wherever a pronunciation is complete, the
first phoneme of another word may follow, or nothing. Only then are words that sound alike told
apart, each with what the language model says of it.

The paths of a hypothesis are summed as in `prefix_search`, in those that end in a blank and those
that end in its last phoneme. Hypotheses are ranked by

    weight * ln P_ctc(phonemes) + sum of (lm_weight * ln P_lm(word | words before) + word_bonus)
    + what boosted phrases add

with, for the open word, the best that the language model says in no context of any word that it
may become. A word that can be said in two ways has the sum of both.
"""

import numpy as np
from numpy.typing import NDArray

from service.engine.boosting import credit
from service.engine.compiled import borrowing, brief, compiled
from service.engine.log_sums import add_logs
from service.engine.ngram_search import CONTEXT_LENGTH, score_word
from service.engine.pronunciation_beams import Hypotheses, copy_hypotheses, room_for
from service.engine.pronunciation_step import (
    Candidates,
    Judges,
    end_word,
    no_candidates,
    step_hypotheses,
    words_said,
)
from service.engine.pruning import Pruning, best_candidates, worth_following
from service.engine.rows import copy_values
from service.engine.said_boosts import boost_word
from service.engine.tries import NOWHERE, ROOT


@compiled
def search_pronunciations(
    judges: Judges, pruning: Pruning, start: Hypotheses, log_probs: NDArray[np.float32]
) -> Hypotheses:
    """The hypotheses after log_probs [T, P]."""
    num_hypotheses = len(start.heads)
    width = max(pruning.beam_width, num_hypotheses)
    most_words = start.heads["num_words"].max() + len(log_probs)  # a frame ends one at most
    current, other = room_for(width, most_words), room_for(width, most_words)
    copy_hypotheses(start, num_hypotheses, current)
    candidates = no_candidates()
    for index in range(len(log_probs)):
        frame = log_probs[index].astype(np.float64)
        phonemes = worth_following(frame, pruning)
        if len(phonemes) == 0:
            _rest(current.heads[:num_hypotheses], frame[pruning.blank_id])
            continue
        followed = _first(current, num_hypotheses)
        step_hypotheses(judges, pruning, followed, (frame, phonemes), candidates)
        chosen = best_candidates(_ranks(judges.weight, candidates), pruning)
        if len(chosen) == 0:  # the frame allows none of them: it is passed over
            continue
        for new, row in enumerate(chosen):
            _arrive(judges, current, candidates.rows[row], other, new)
        num_hypotheses = len(chosen)
        current, other = other, current
    compacted = room_for(num_hypotheses, current.heads["num_words"][:num_hypotheses].max())
    copy_hypotheses(current, num_hypotheses, compacted)
    return compacted


@brief
def complete_texts(
    judges: Judges, hypotheses: Hypotheses, most: int
) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float64]]:
    """The hypotheses that may end here, their last words told apart.

    Args:
        most: hypotheses that are looked at, the best without their last words.

    Returns:
        For each text its hypothesis, its last word, NOWHERE if it has none, and its score.
    """
    lexicon = judges.pronunciations
    slots, words, scores = [NOWHERE], [NOWHERE], [0.0]  # which tells their types
    after = np.empty(CONTEXT_LENGTH, np.int32)
    incomplete = judges.weight * hypotheses.heads["total"] + hypotheses.heads["fused"]
    for slot in np.argsort(-incomplete)[:most]:
        head, score = hypotheses.heads[slot], incomplete[slot]
        state = head["boost_state"]
        if head["node"] == ROOT:
            slots.append(slot)
            words.append(NOWHERE)
            scores.append(score - credit(judges.boosts.automaton, state))
        pronunciation = lexicon.trie[head["node"]]["end"]
        if pronunciation == NOWHERE:
            continue
        for index in range(*words_said(lexicon, pronunciation)):
            word = lexicon.words[index]
            log_prob = end_word(judges, hypotheses, slot, index, after)
            boost, ended = boost_word(judges.boosts, state, word)
            boost -= credit(judges.boosts.automaton, ended)
            slots.append(slot)
            words.append(word)
            scores.append(score + judges.lm_weight * log_prob + judges.word_bonus + boost)
    return np.array(slots[1:], np.int32), np.array(words[1:], np.int32), np.array(scores[1:])


@borrowing
def _rest(heads: NDArray[np.void], blank: float) -> None:
    """Take in a frame that is surely blank: what else it may be is neglected."""
    for head in heads:
        head["blank"] = head["total"] = head["total"] + blank
        head["symbol"] = -np.inf


@compiled
def _first(hypotheses: Hypotheses, count: int) -> Hypotheses:
    return Hypotheses(
        hypotheses.heads[:count], hypotheses.words[:count], hypotheses.context[:count]
    )


@compiled
def _ranks(weight: float, candidates: Candidates) -> NDArray[np.float64]:
    """What the candidates are ranked by, now that all paths are added."""
    ranks = np.empty(candidates.num_rows[0])
    for index in range(len(ranks)):
        row = candidates.rows[index]
        row["total"] = add_logs(row["blank"], row["symbol"])
        ranks[index] = weight * row["total"] + row["fused"] + row["expected"]
    return ranks


@borrowing
def _arrive(judges: Judges, current: Hypotheses, row: np.void, other: Hypotheses, new: int) -> None:
    """Write a candidate that is chosen to its place."""
    slot, word = row["slot"], row["word"]
    head, num_words = other.heads[new], current.heads[slot]["num_words"]
    copy_values(current.words[slot], num_words, other.words[new])
    stays = word == NOWHERE and row["node"] == current.heads[slot]["node"]
    head["ending"] = current.heads[slot]["ending"] if stays else np.nan
    if word == NOWHERE:
        copy_values(current.context[slot], CONTEXT_LENGTH, other.context[new])
    else:
        other.words[new, num_words] = word
        num_words += 1
        score_word(judges.ngrams, current.context[slot], word, other.context[new])
    head["identity"], head["history"] = row["identity"], row["history"]
    head["blank"], head["symbol"], head["total"] = row["blank"], row["symbol"], row["total"]
    head["fused"], head["node"], head["num_words"] = row["fused"], row["node"], num_words
    head["expected"], head["boost_state"] = row["expected"], row["boost_state"]
