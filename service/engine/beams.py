"""The prefixes that a beam search follows, as arrays over the beams."""

from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.ngram_search import CONTEXT_LENGTH
from service.engine.tries import ROOT

BLANK: Final = 0
SYMBOL: Final = 1
"""Index of the paths that end in the blank, and of those that end in the prefix's last symbol."""


PATH: Final = np.dtype(
    [
        ("log_prob", np.float64),  # ln of the sum over all paths of the kind that spell the prefix
        ("viterbi", np.float64),  # ln of the best of them
    ]
)
EMISSION: Final = np.dtype(
    [
        ("start", np.int32),  # the first frame of a run of one symbol in a path
        ("end", np.int32),  # the frame after its last
        ("peak", np.float32),  # the highest log-posterior in it
    ]
)
TEXT: Final = np.dtype(
    [
        ("identity", np.uint64),  # hash of the whole prefix
        ("parent", np.uint64),  # hash of the prefix without its last symbol
        ("fused", np.float64),  # share of language model and boosts in the score, whole words
        ("ahead", np.float64),  # what the open word is expected to add to it
        ("at_end", np.float64),  # what completing the open word adds; NaN is not known yet
        ("length", np.int32),  # pending symbols, at least 1
        ("last", np.int32),  # the last of them
        ("num_letters", np.int32),  # of the open word
        ("letters", np.int32),  # its node in the language model's letters
        ("boost_letters", np.int32),  # and in the letters of boosted words
        ("boost_state", np.int32),  # of the automaton of boosts, after the whole words
    ],
    align=True,
)


class Beams(NamedTuple):
    """B prefixes with room for L symbols each. No array in it is changed once it is made.

    Only pending symbols are kept, those that are not committed yet. The first of them is the
    space before the first pending word: an utterance, too, starts after a space. What a row has
    beyond its length is arbitrary. Few arrays of records, because passing an array to a compiled
    function costs as much as copying a record.
    """

    paths: NDArray[np.void]  # [2, B] PATH
    emissions: NDArray[np.void]  # [2, B, L] EMISSION, the best path's of each symbol
    symbols: NDArray[np.int32]  # [B, L] vocabulary indices
    texts: NDArray[np.void]  # [B] TEXT
    context: NDArray[np.int32]  # [B, CONTEXT_LENGTH] language model state after the whole words

    @property
    def score(self) -> NDArray[np.float64]:
        """[B] natural-log score that the beams are ranked by."""
        score: NDArray[np.float64] = np.logaddexp(*self.paths["log_prob"])
        score += self.texts["fused"]
        score += self.texts["ahead"]
        return score

    def keep(self, kept: NDArray[np.bool_]) -> "Beams":
        """The beams that are marked in `kept` [B]."""
        return Beams(  # in C order, which indexing would not keep: it is what is compiled for
            self.paths.compress(kept, axis=1),
            self.emissions.compress(kept, axis=1),
            self.symbols[kept],
            self.texts[kept],
            self.context[kept],
        )

    def drop_columns(self, first: int, space_id: int) -> "Beams":
        """The beams with their symbols before column `first` forgotten; there, a space is put."""
        symbols, texts = self.symbols[:, first:].copy(), self.texts.copy()
        symbols[:, 0] = space_id
        texts["length"] -= first
        texts["last"] = symbols[np.arange(len(texts)), texts["length"] - 1]
        emissions = self.emissions[:, :, first:].copy()
        return self._replace(emissions=emissions, symbols=symbols, texts=texts)


def empty_prefix(space_id: int, context: NDArray[np.int32]) -> Beams:
    """The empty prefix alone, and certain, in this state of the language model."""
    paths = np.zeros((2, 1), PATH)
    paths[SYMBOL] = (-np.inf, -np.inf)
    texts = np.zeros(1, TEXT)
    texts["identity"] = texts["length"] = 1
    texts["last"] = space_id
    texts["letters"] = texts["boost_letters"] = texts["boost_state"] = ROOT
    return Beams(
        paths,
        np.zeros((2, 1, 1), EMISSION),
        np.full((1, 1), space_id, np.int32),
        texts,
        context.reshape(1, CONTEXT_LENGTH),
    )
