"""The hypotheses that a search over pronounced words follows, as arrays. Compiled."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import borrowing, compiled
from service.engine.ngram_search import CONTEXT_LENGTH
from service.engine.rows import copy_values
from service.engine.tries import ROOT

HYPOTHESIS: Final = np.dtype(
    [
        ("identity", np.uint64),  # hash of words and node
        ("history", np.uint64),  # hash of the words
        ("blank", np.float64),  # ln of the sum over all paths that end in a blank
        ("symbol", np.float64),  # and over those that end in the last phoneme
        ("total", np.float64),  # and over both
        ("fused", np.float64),  # what the whole words add to the score
        ("expected", np.float64),  # what the open word may be expected to add
        ("ending", np.float64),  # ln P of the open word, if it is complete; NaN is not known yet
        ("node", np.int32),  # of the open word in the lexicon; the root only before the first
        ("num_words", np.int32),  # pending whole words
        ("boost_state", np.int32),  # after these
    ],
    align=True,
)
_HISTORY_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: the product modulo 2^64 can be undone
_NODE_FACTOR = np.uint64(0xC2B2AE3D27D4EB4F)
_SHIFT = np.uint64(32)


class Hypotheses(NamedTuple):
    """H hypotheses with room for W words each.

    No array in it is changed once it is made, but that an `ending` is noted when it is asked for.
    Only pending words are kept, those that are not settled yet.
    """

    heads: NDArray[np.void]  # [H] HYPOTHESIS
    words: NDArray[np.int32]  # [H, W] the language model's numbers; arbitrary beyond `num_words`
    context: NDArray[np.int32]  # [H, CONTEXT_LENGTH] language model state after the whole words

    def drop_words(self, count: int) -> "Hypotheses":
        """The hypotheses with their first words forgotten."""
        heads = self.heads.copy()
        heads["num_words"] -= count
        return self._replace(heads=heads, words=self.words[:, count:].copy())


def nothing_said(context: NDArray[np.int32]) -> Hypotheses:
    """The one hypothesis before the first frame, in this state of the language model."""
    heads = np.zeros(1, HYPOTHESIS)
    heads["identity"] = heads["history"] = 1
    heads["symbol"] = -np.inf
    heads["ending"] = np.nan
    heads["node"] = ROOT
    return Hypotheses(heads, np.zeros((1, 0), np.int32), context.reshape(1, CONTEXT_LENGTH))


@compiled
def room_for(num_hypotheses: int, num_words: int) -> Hypotheses:
    """Room for hypotheses, with nothing in it."""
    return Hypotheses(
        np.empty(num_hypotheses, HYPOTHESIS),
        np.empty((num_hypotheses, num_words), np.int32),
        np.empty((num_hypotheses, CONTEXT_LENGTH), np.int32),
    )


@borrowing
def copy_hypotheses(source: Hypotheses, num_hypotheses: int, target: Hypotheses) -> None:
    """Copy the first hypotheses whole."""
    for slot in range(num_hypotheses):
        num_words = source.heads[slot]["num_words"]
        target.heads[slot] = source.heads[slot]
        copy_values(source.words[slot], num_words, target.words[slot])
        copy_values(source.context[slot], CONTEXT_LENGTH, target.context[slot])


@borrowing
def history_with(history: np.uint64, word: int) -> np.uint64:
    """The hash of words with a word added."""
    return _mixed(history, word, _HISTORY_FACTOR)


@borrowing
def identity_at(history: np.uint64, node: int) -> np.uint64:
    """The hash of words and the node of an open one."""
    return _mixed(history, node, _NODE_FACTOR)


@borrowing
def _mixed(identity: np.uint64, added: int, factor: np.uint64) -> np.uint64:
    """Multiply and shift modulo 2^64, neither of which loses information."""
    mixed = (identity + np.uint64(added)) * factor
    return mixed ^ (mixed >> _SHIFT)
