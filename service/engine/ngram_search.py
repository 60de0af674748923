"""Looking n-grams up, compiled."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import borrowing
from service.engine.ngram_file import MAX_ORDER, UNKNOWN_ID
from service.engine.tries import NOWHERE, place_of

CONTEXT_LENGTH: Final = MAX_ORDER - 1


class Ngrams(NamedTuple):
    """The numbers of an `NgramTrie`, described there."""

    first_child: NDArray[np.int32]
    word_ids: NDArray[np.uint16]
    log_prob_codes: NDArray[np.uint8]
    backoff_codes: NDArray[np.uint8]
    codebooks: NDArray[np.float32]


@borrowing
def score_word(
    ngrams: Ngrams, state: NDArray[np.int32], word_id: int, after: NDArray[np.int32]
) -> float:
    """ln P(word | state), and into `after` [CONTEXT_LENGTH] the state after the word.

    The longest n-gram that there is tells; every context that is too long costs its backoff weight
    (Katz 1987). `state` is [CONTEXT_LENGTH], as `LanguageModel` describes it. Numbers beyond the
    vocabulary are unknown words, too.
    """
    word_id = word_id if word_id < ngrams.first_child[0] else UNKNOWN_ID
    num_inner = len(ngrams.backoff_codes)
    after[:] = NOWHERE
    log_prob, found = 0.0, False
    for length in range(min(CONTEXT_LENGTH, len(ngrams.codebooks) - 1), 0, -1):
        context = state[length - 1]
        if context == NOWHERE:
            continue
        extent = int(ngrams.first_child[context]), int(ngrams.first_child[context + 1])
        ngram = place_of(word_id, ngrams.word_ids, extent)
        exists = ngram != NOWHERE
        if exists and ngram < num_inner:
            after[length] = ngram
        if exists and not found:
            log_prob += ngrams.codebooks[length, 0, ngrams.log_prob_codes[ngram]]
            found = True
        elif not found:
            log_prob += ngrams.codebooks[length - 1, 1, ngrams.backoff_codes[context]]
    if num_inner:
        after[0] = word_id
    if not found:
        log_prob += ngrams.codebooks[0, 0, ngrams.log_prob_codes[word_id]]
    return log_prob
