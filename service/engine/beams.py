"""The prefixes that a beam search follows, as arrays over the beams."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.language_model import LanguageModelState

BLANK, SYMBOL = 0, 1
"""Index of the paths that end in the blank, and of those that end in the prefix's last symbol."""

EMISSION = np.dtype([("start", np.int32), ("end", np.int32), ("log_prob", np.float32)])
"""A run of one symbol in a path: its frames [start, end) and its highest log-posterior."""

_NUM_PATH_FIELDS = 3
"""The first fields of `Beams` describe its paths, the others the texts that these spell."""

_HASH_FACTOR = np.uint64(0x9E3779B97F4A7C15)  # odd: the product modulo 2^64 can be undone
_HASH_SHIFT = np.uint64(32)


class Beams(NamedTuple):
    """B prefixes with room for L symbols each. No array in it is changed, but for one memo.

    Only pending symbols are kept, those that are not committed yet. The first of them is the
    space before the first pending word: an utterance, too, starts after a space.
    """

    log_prob: NDArray[np.float64]  # [2, B] ln of the sum over all paths that spell the prefix
    viterbi: NDArray[np.float64]  # [2, B] ln of the best of these paths
    emissions: NDArray[np.void]  # [2, B, L] EMISSION, the best path's
    symbols: NDArray[np.int32]  # [B, L] vocabulary indices
    length: NDArray[np.intp]  # [B] pending symbols, at least 1
    last: NDArray[np.int32]  # [B] the last of them
    identity: NDArray[np.uint64]  # [B] hash of the whole prefix
    parent: NDArray[np.uint64]  # [B] hash of the prefix without its last symbol
    fused: NDArray[np.float64]  # [B] language model's share of the score, for the complete words
    lm_state: NDArray[np.object_]  # [B] language model state after them
    end_fused: NDArray[np.float64]  # [B] what completing the open word adds. Memo: NaN is not known
    end_lm_state: NDArray[np.object_]  # [B] language model state after the open word. Memo as well

    @property
    def score(self) -> NDArray[np.float64]:
        """[B] natural-log score that the beams are ranked by."""
        score: NDArray[np.float64] = np.logaddexp(*self.log_prob)
        return score + self.fused

    def keep(self, kept: NDArray[np.bool_]) -> "Beams":
        """The beams that are marked in `kept` [B]."""
        paths, texts = self[:_NUM_PATH_FIELDS], self[_NUM_PATH_FIELDS:]
        return Beams._make(
            [*(field[:, kept] for field in paths), *(field[kept] for field in texts)]
        )

    def best_emissions(self) -> NDArray[np.void]:
        """[B, L] EMISSION, of the better of the two paths."""
        kind = self.viterbi.argmax(axis=0)
        emissions: NDArray[np.void] = self.emissions[kind, np.arange(len(kind))]
        return emissions

    def spelled_on(
        self, sources: NDArray[np.intp], added: NDArray[np.intp], space_id: int
    ) -> "Beams":
        """The prefixes of beams `sources` [N], the last of them each one symbol of `added` longer.

        Their sums and paths are still those of their sources.
        """
        new = slice(len(sources) - len(added), None)
        paths, texts = self[:_NUM_PATH_FIELDS], self[_NUM_PATH_FIELDS:]
        beams = Beams._make([*paths, *(field[sources] for field in texts)])
        beams.symbols[np.arange(len(sources))[new], beams.length[new]] = added
        beams.length[new] += 1
        beams.last[new] = added
        beams.parent[new] = beams.identity[new]
        beams.identity[new] = _extended_hash(beams.identity[new], added)
        ended = np.flatnonzero(added == space_id) + new.start
        beams.fused[ended] += beams.end_fused[ended]
        beams.lm_state[ended] = beams.end_lm_state[ended]
        beams.end_fused[new] = np.nan
        return beams

    def drop_columns(self, first: int, space_id: int) -> "Beams":
        """The beams with their symbols before column `first` forgotten; there, a space is put."""
        symbols = np.roll(self.symbols, -first, axis=1)
        symbols[:, 0] = space_id
        length = self.length - first
        return self._replace(
            emissions=np.roll(self.emissions, -first, axis=2),
            symbols=symbols,
            length=length,
            last=symbols[np.arange(len(length)), length - 1],
        )


def _extended_hash(identity: NDArray[np.uint64], added: NDArray[np.intp]) -> NDArray[np.uint64]:
    """[N] the hash of prefixes with a symbol added, by multiply and shift modulo 2^64.

    Neither step loses information, so different prefixes are equal by accident only: of 64 beams,
    two are mistaken for one another about once in 10^10 hours of audio.
    """
    mixed = (identity + added.astype(np.uint64)) * _HASH_FACTOR
    hashed: NDArray[np.uint64] = mixed ^ (mixed >> _HASH_SHIFT)
    return hashed


def empty_prefix(capacity: int, space_id: int, lm_state: LanguageModelState) -> Beams:
    """The empty prefix alone, and certain, with room for `capacity` symbols."""
    certain = np.array([[0.0], [-np.inf]])
    lm_states = np.empty(1, object)
    lm_states[0] = lm_state  # not in a list: a state may itself be a sequence
    return Beams(
        log_prob=certain,
        viterbi=certain,
        emissions=np.zeros((2, 1, capacity), EMISSION),
        symbols=np.full((1, capacity), space_id, np.int32),
        length=np.ones(1, np.intp),
        last=np.full(1, space_id, np.int32),
        identity=np.ones(1, np.uint64),
        parent=np.zeros(1, np.uint64),
        fused=np.zeros(1),
        lm_state=lm_states,
        end_fused=np.full(1, np.nan),
        end_lm_state=lm_states.copy(),
    )
