"""Reading beams' pending symbols, and committing the words that no beam disputes."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.engine.alignment import Emission, Spelling
from service.engine.beams import Beams
from service.engine.decoding import Word
from service.engine.rows import num_shared
from service.engine.vocabulary import Vocabulary

FRAMES_PER_COMMIT: Final = 32
MAX_PENDING: Final = 48
"""Symbols of the best beam that may stay disputed at a commit: about three seconds of speech."""
CAPACITY: Final = 2 * MAX_PENDING + FRAMES_PER_COMMIT
"""Symbols that a beam can have before the next commit; `commit` leaves none more than the rest."""


def pending_text(beams: Beams, slot: int, vocabulary: Vocabulary) -> str:
    """The pending symbols of a beam, the space before them included."""
    symbols = beams.symbols[slot, : beams.texts["length"][slot]].tolist()
    return "".join([vocabulary.symbols[symbol] for symbol in symbols])


def pending_words(beams: Beams, slot: int, vocabulary: Vocabulary) -> tuple[Word, ...]:
    """The pending words of a beam, taking the open one for complete."""
    return _words(beams, (slot, int(beams.texts["length"][slot])), vocabulary)


def commit(beams: Beams, vocabulary: Vocabulary) -> tuple[tuple[Word, ...], Beams]:
    """Words that are settled, and the beams without them.

    Words are settled where all beams share them and all their paths have the same times: then
    nothing is lost by it. To bound what a frame costs, beams are given up that dispute the best
    one's symbols from more than `MAX_PENDING` before its end.
    """
    best = int(beams.score.argmax())
    first = _last_settled_space(beams, best, vocabulary.space_id)
    if beams.texts["length"][best] - first > MAX_PENDING:
        first = _forced_cut(beams.symbols[best, : beams.texts["length"][best]], vocabulary.space_id)
    agrees = (beams.symbols[:, : first + 1] == beams.symbols[best, : first + 1]).all(axis=1)
    # A shorter beam's row goes on arbitrarily, so that it agrees says nothing; `pending` does.
    pending = beams.texts["length"] - first
    kept = beams.keep(agrees & (pending > 0) & (pending <= 2 * MAX_PENDING))
    if first == 0:
        return (), kept
    words = _words(beams, (best, first + 1), vocabulary)
    return words, kept.drop_columns(first, vocabulary.space_id)


def _last_settled_space(beams: Beams, best: int, space_id: int) -> int:
    """The last column with a space before which all texts and all emission times are the same."""
    shared = num_shared(beams.symbols, beams.texts["length"])
    viterbi, emissions = beams.paths["viterbi"], beams.emissions[:, :, :shared]
    impossible = viterbi == -np.inf  # [2, B]
    same_time = emissions == emissions[viterbi[:, best].argmax(), best]
    is_space = beams.symbols[best, :shared] == space_id  # whose times are of no use
    settled = (same_time | impossible[:, :, None]).all(axis=(0, 1)) | is_space
    num_settled = _num_leading(settled)
    return int(np.flatnonzero(is_space[:num_settled])[-1])  # the first symbol is always a space


def _forced_cut(symbols: NDArray[np.int32], space_id: int) -> int:
    """Where to cut the best beam's symbols: at a space in the older half of those that may stay.

    Where there is none, a "word" of dozens of letters is cut in two.
    """
    middle = len(symbols) - MAX_PENDING // 2
    last_space = int(np.flatnonzero(symbols[: middle + 1] == space_id)[-1])
    return last_space if len(symbols) - last_space <= MAX_PENDING else middle


def _words(beams: Beams, extent: tuple[int, int], vocabulary: Vocabulary) -> tuple[Word, ...]:
    """The words in a beam's leading symbols; `extent` is its index and their number."""
    slot, num_symbols = extent
    kind = beams.paths["viterbi"][:, slot].argmax()
    symbols = [vocabulary.symbols[index] for index in beams.symbols[slot, :num_symbols].tolist()]
    runs = beams.emissions[kind, slot, :num_symbols].tolist()
    emissions = (Emission(symbol, *run) for symbol, run in zip(symbols, runs, strict=True))
    return Spelling().add(emissions).finish()


def _num_leading(marked: NDArray[np.bool_]) -> int:
    """How many of the leading elements are true."""
    return int(np.argmin(np.append(marked, False)))
