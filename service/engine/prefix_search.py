"""One frame of CTC prefix beam search, over all beams and symbols at once.

A prefix l is a text so far. Many CTC paths collapse to it; they are summed in two parts, by what
they end in (Graves 2012, section 7.5.3; Hannun et al. 2014, algorithm 1):

    P_b(l)   paths that end in the blank
    P_s(l)   paths that end in the last symbol of l, call it e

A frame with posteriors y takes them to the following, where P = P_b + P_s:

    P_b'(l)   = P(l) y[blank]       a blank changes no text
    P_s'(l)   = P_s(l) y[e]         e again, without a blank between, is still the same e
    P_s'(lc) += P(l) y[c]           another symbol c
    P_s'(le) += P_b(l) y[e]         after a blank, e is a second e

The last two are merged into lc or le where these are followed already. Spaces differ, so that
texts which differ in repeated spaces only are one prefix: a space after a space changes no text,
with a blank between or not, and P_s'(l) = P(l) y[space] if e is the space.

Beside each sum goes its best single path, by the same recursion with max in place of + (Viterbi),
and that path's emissions: where word times come from. The alternative, to align the final text
with the audio, must keep the log-probs since the last committed word, which in silence is for
ever. Carrying the paths along keeps nothing but the beams, and finds the same times: the best
path of a text is lost only if pruning drops one of its prefixes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.beams import BLANK, SYMBOL, Beams
from service.engine.vocabulary import Vocabulary


class Frame(NamedTuple):
    """One frame of the acoustic model's output."""

    number: int
    log_probs: NDArray[np.float64]  # [V]
    symbols: NDArray[np.intp]  # [C] those that are worth extending prefixes by; never the blank


class _Ends(NamedTuple):
    """How the paths of each prefix end, both kinds of them together."""

    log_prob: NDArray[np.float64]  # [B] ln P
    viterbi: NDArray[np.float64]  # [B] the better of the best paths
    path: NDArray[np.intp]  # [B] which it is, as an index into [2, B] flattened
    at_space: NDArray[np.bool_]  # [B] the last symbol is the space


class _Arrivals(NamedTuple):
    """Paths that have taken in the frame: N prefixes. Private to a step, which changes them."""

    log_prob: NDArray[np.float64]  # [2, N]
    viterbi: NDArray[np.float64]  # [2, N]
    path: NDArray[np.intp]  # [2, N] the path that each continues, an index into [2, B] flattened
    fresh: NDArray[np.bool_]  # [N] the path that ends in the symbol first emits it in this frame

    def chosen(
        self,
        kept: NDArray[np.intp],
        log_prob: NDArray[np.float64],
        entering: tuple[NDArray[np.float64], NDArray[np.intp]],
    ) -> "_Arrivals":
        """The `kept` prefixes and, after them, new ones, all of whose paths end in the symbol."""
        viterbi, path = entering
        nothing = np.full(len(path), -np.inf)
        return _Arrivals(
            np.concatenate([self.log_prob[:, kept], [nothing, log_prob]], axis=1),
            np.concatenate([self.viterbi[:, kept], [nothing, viterbi]], axis=1),
            np.concatenate([self.path[:, kept], [path, path]], axis=1),
            np.append(self.fresh[kept], np.ones(len(path), bool)),
        )


class PrefixSearch:
    """Keeps the `beam_width` best prefixes, as far as they are within `beam_margin` nats."""

    def __init__(self, vocabulary: Vocabulary, beam_width: int, beam_margin: float) -> None:
        self._vocabulary = vocabulary
        self._beam_width = beam_width
        self._beam_margin = beam_margin

    def rest(self, beams: Beams, log_prob: float) -> Beams:
        """The beams after a frame that is surely blank: what else it may be is neglected."""
        ends = self._ends(beams)
        moved = beams.viterbi[SYMBOL] > beams.viterbi[BLANK]  # now they end in the blank
        emissions = beams.emissions
        if moved.any():
            emissions = emissions.copy()
            emissions[BLANK, moved] = emissions[SYMBOL, moved]
        nothing = np.full(len(moved), -np.inf)
        return beams._replace(
            log_prob=np.array([ends.log_prob + log_prob, nothing]),
            viterbi=np.array([ends.viterbi + log_prob, nothing]),
            emissions=emissions,
        )

    def step(self, beams: Beams, frame: Frame) -> Beams:
        """The beams after a frame.

        Where `frame.symbols` has the space, `end_fused` of beams with an open word must be known.
        """
        ends = self._ends(beams)
        stays = self._stay(beams, ends, frame)
        extended = self._extend(beams, ends, frame)
        _merge(beams, ends, frame, (stays, extended))
        # The candidates: [B] the prefixes themselves, then [B * C] their extensions.
        scores = np.append(
            np.logaddexp(*stays.log_prob) + beams.fused,
            (extended + self._fused(beams, frame)).ravel(),
        )
        chosen = self._select(scores)
        num_beams = len(beams.last)
        num_kept = np.count_nonzero(chosen < num_beams)
        kept, new = chosen[:num_kept], chosen[num_kept:]
        parents, columns = np.unravel_index(new - num_beams, extended.shape)
        symbols = frame.symbols[columns]
        entering = _enter(beams, ends, frame, (parents, symbols))
        arrivals = stays.chosen(kept, extended[parents, columns], entering)
        texts = beams.spelled_on(np.append(kept, parents), symbols, self._vocabulary.space_id)
        return _arrive(texts, arrivals, frame)

    def _ends(self, beams: Beams) -> _Ends:
        kind = beams.viterbi.argmax(axis=0)
        path = kind * len(kind) + np.arange(len(kind))
        return _Ends(
            np.logaddexp(*beams.log_prob),
            beams.viterbi.ravel()[path],
            path,
            beams.last == self._vocabulary.space_id,
        )

    def _stay(self, beams: Beams, ends: _Ends, frame: Frame) -> _Arrivals:
        """[B] prefixes, with the paths that leave their text as it is."""
        blank = frame.log_probs[self._vocabulary.blank_id]
        again = frame.log_probs[beams.last]
        same_path = _flat_path(SYMBOL, np.arange(len(again)), len(again))
        log_prob = np.where(ends.at_space, ends.log_prob, beams.log_prob[SYMBOL])
        viterbi = np.where(ends.at_space, ends.viterbi, beams.viterbi[SYMBOL])
        path = np.where(ends.at_space, ends.path, same_path)
        return _Arrivals(
            np.array([ends.log_prob + blank, log_prob + again]),
            np.array([ends.viterbi + blank, viterbi + again]),
            np.array([ends.path, path]),
            np.zeros(len(again), bool),
        )

    def _extend(self, beams: Beams, ends: _Ends, frame: Frame) -> NDArray[np.float64]:
        """[B, C] what every prefix gives to ln P_s' of its extension by each of the symbols."""
        repeats = beams.last[:, None] == frame.symbols  # [B, C]
        repeated = np.where(ends.at_space, -np.inf, beams.log_prob[BLANK])
        given: NDArray[np.float64] = np.where(repeats, repeated[:, None], ends.log_prob[:, None])
        return given + frame.log_probs[frame.symbols]

    def _fused(self, beams: Beams, frame: Frame) -> NDArray[np.float64]:
        """[B, C] the language model's share of each extension's score: a space ends a word."""
        ends_word = frame.symbols == self._vocabulary.space_id
        return beams.fused[:, None] + np.where(ends_word, beams.end_fused[:, None], 0.0)

    def _select(self, scores: NDArray[np.float64]) -> NDArray[np.intp]:
        """Indices of the best candidates, ascending."""
        worth_it = (scores >= scores.max() - self._beam_margin) & (scores > -np.inf)
        chosen = np.flatnonzero(worth_it)
        if len(chosen) > self._beam_width:
            best = np.argpartition(-scores[chosen], self._beam_width - 1)[: self._beam_width]
            chosen = np.sort(chosen[best])
        return chosen


def _flat_path(kind: int, prefixes: NDArray[np.intp], num_beams: int) -> NDArray[np.intp]:
    """The best path of this kind of the prefixes, as an index into [2, B] flattened."""
    return kind * num_beams + prefixes


def _enter(
    beams: Beams, ends: _Ends, frame: Frame, extensions: tuple[NDArray[np.intp], NDArray[np.intp]]
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """The best paths into N extensions (prefix, symbol): ln probability and path continued, [N]."""
    prefixes, symbols = extensions
    repeats = beams.last[prefixes] == symbols  # then only paths that end in the blank lead there
    viterbi = np.where(repeats, beams.viterbi[BLANK, prefixes], ends.viterbi[prefixes])
    path = np.where(repeats, _flat_path(BLANK, prefixes, len(beams.last)), ends.path[prefixes])
    return viterbi + frame.log_probs[symbols], path


def _merge(
    beams: Beams, ends: _Ends, frame: Frame, into: tuple[_Arrivals, NDArray[np.float64]]
) -> None:
    """Move extensions that are prefixes of the beam already to these, where both are summed."""
    stays, extended = into
    column = np.full(len(frame.log_probs), -1)  # [V] of the symbol in `extended`
    column[frame.symbols] = np.arange(len(frame.symbols))
    parents, children = np.nonzero(beams.identity[:, None] == beams.parent)
    columns = column[beams.last[children]]
    parents, children, columns = (a[columns >= 0] for a in (parents, children, columns))
    stays.log_prob[SYMBOL, children] = np.logaddexp(
        stays.log_prob[SYMBOL, children], extended[parents, columns]
    )
    extended[parents, columns] = -np.inf
    viterbi, path = _enter(beams, ends, frame, (parents, frame.symbols[columns]))
    better = viterbi > stays.viterbi[SYMBOL, children]
    children = children[better]
    stays.viterbi[SYMBOL, children] = viterbi[better]
    stays.path[SYMBOL, children] = path[better]
    stays.fresh[children] = True


def _arrive(texts: Beams, arrivals: _Arrivals, frame: Frame) -> Beams:
    """The texts with their new paths, whose last emission begins or goes on in this frame."""
    capacity = texts.symbols.shape[1]
    # numpy copies whole rows in `take`, and element by element in an index expression.
    emissions = texts.emissions.reshape(-1, capacity).take(arrivals.path, axis=0)  # [2, N, L]
    tips = SYMBOL, np.arange(len(texts.last)), texts.length - 1
    emission = emissions[tips]  # [N]
    log_prob = frame.log_probs[texts.last]
    emissions["start"][tips] = np.where(arrivals.fresh, frame.number, emission["start"])
    emissions["end"][tips] = frame.number + 1
    emissions["log_prob"][tips] = np.where(
        arrivals.fresh, log_prob, np.maximum(log_prob, emission["log_prob"])
    )
    return texts._replace(log_prob=arrivals.log_prob, viterbi=arrivals.viterbi, emissions=emissions)
