"""CTC-CRF: CTC that has to tell an utterance from everything else that could have been said.

CTC asks that the symbols of a transcript be probable in each frame, whatever is likely to be said.
A conditional random field with CTC's topology asks that the transcript be probable among all
sequences of symbols, each weighed by a language model of symbols:

    -ln P(l | x) = -ln sum of y(path) over the paths of l + ln sum of y(path) P_lm(path) over all

up to ln P_lm(l), which no weight of the network changes. The first term is CTC's loss, the second
is the denominator here. Recogniser and language model are then trained for one another, as they
are used. Source: Xiang and Ou, CRF-based Single-stage Acoustic Modeling with CTC Topology (2019);
as there, some of CTC's own loss keeps it steady: the denominator is weighed a little less than 1.
"""

from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from training.text import BLANK_ID

_SMOOTHING = 0.2  # occurrences that every pair of symbols is given


def count_bigrams(sequences: Iterable[Sequence[int]], num_symbols: int) -> Tensor:
    """P(symbol | symbol before) as [P, P], rows by the one before; the first has the blank there.

    The blank is no symbol: its column is zero.
    """
    counts = torch.full((num_symbols, num_symbols), _SMOOTHING, dtype=torch.float64)
    for sequence in sequences:
        for pair in zip((BLANK_ID, *sequence), sequence, strict=False):
            counts[pair] += 1
    counts[:, BLANK_ID] = 0.0
    return (counts / counts.sum(dim=1, keepdim=True)).float()


def log_denominator(log_probs: Tensor, num_frames: Tensor, bigrams: Tensor) -> Tensor:
    """[B] ln of the sum over all paths of their posteriors times P_lm of what they spell.

    Args:
        log_probs: [B, T, P], natural log.
        num_frames: [B] how many of the frames are real.
        bigrams: [P, P] as from `count_bigrams`.
    """
    posteriors = log_probs.exp()
    # After a blank any symbol may follow; after a symbol, without one between, only another.
    others = bigrams * (1.0 - torch.eye(len(bigrams), device=bigrams.device))
    transitions = torch.cat([bigrams, others])  # [2 P, P]
    at_blank = torch.zeros_like(posteriors[:, 0])  # [B, P] by the last symbol
    at_blank[:, BLANK_ID] = 1.0
    at_symbol = torch.zeros_like(at_blank)
    result = posteriors.new_zeros(len(posteriors))
    for index in range(posteriors.shape[1]):
        frame = posteriors[:, index]
        entered = torch.cat([at_blank, at_symbol], dim=1) @ transitions
        resting = (at_blank + at_symbol) * frame[:, BLANK_ID : BLANK_ID + 1]
        speaking = (entered + at_symbol) * frame
        scale = (resting + speaking).sum(dim=1, keepdim=True)
        is_real = index < num_frames
        result = result + torch.where(is_real, scale.squeeze(1).log(), 0.0)
        at_blank = torch.where(is_real[:, None], resting / scale, at_blank)
        at_symbol = torch.where(is_real[:, None], speaking / scale, at_symbol)
    return result
