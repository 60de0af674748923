"""Log-probabilities to decode, drawn by hypothesis or written by hand."""

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from numpy.typing import NDArray

from service.engine.decoding import CtcDecoder, S
from service.engine.frames import FrameReader, Frames

BLANK_ID = 0
VOCABULARY = ("<blank>", " ", "'", "a", "b")


def normalised(logits: NDArray[np.floating]) -> NDArray[np.float32]:
    """Logits [T, V] as log-probabilities; a logit of -inf stays an impossible symbol."""
    shifted = logits.astype(np.float64)
    totals: NDArray[np.float64] = np.logaddexp.reduce(shifted, axis=1, keepdims=True)
    return (shifted - totals).astype(np.float32)


def spelled(path: str, posterior: float = 0.9) -> NDArray[np.float32]:
    """Log-probabilities [T, V] whose best path is `path`, one character a frame, "-" the blank."""
    symbols = ["-", *VOCABULARY[1:]]
    others = (1 - posterior) / (len(symbols) - 1)
    frames = np.full((len(path), len(symbols)), others, np.float64)
    frames[np.arange(len(path)), [symbols.index(symbol) for symbol in path]] = posterior
    return normalised(np.log(frames))


def log_probs(
    max_frames: int = 40, vocabulary_size: int = len(VOCABULARY)
) -> st.SearchStrategy[NDArray[np.float32]]:
    """Log-probabilities [T, V], T from 0, peaked and flat frames and impossible symbols alike."""
    finite = st.floats(-8, 8, width=32)
    impossible = st.just(float("-inf"))
    possible = hnp.arrays(
        np.float32, st.integers(0, max_frames).map(lambda t: (t, 1)), elements=finite
    )
    return possible.flatmap(
        lambda blanks: hnp.arrays(
            np.float32,
            (len(blanks), vocabulary_size - 1),
            elements=st.one_of(finite, finite, finite, impossible),
        ).map(lambda others: normalised(np.hstack([blanks, others])))
    )


def cut(frames: NDArray[np.float32], places: Sequence[int]) -> list[NDArray[np.float32]]:
    """Frames [T, V] in pieces, cut at these places; places beyond the end give empty pieces."""
    return np.split(frames, sorted(places))


def decoded(decoder: CtcDecoder[S], pieces: Sequence[NDArray[np.float32]]) -> S:
    """The state after these pieces."""
    state = decoder.start()
    for piece in pieces:
        state = decoder.advance(state, read(piece))
    return state


def read(log_probs: NDArray[np.float32], symbols: Sequence[str] = VOCABULARY) -> Frames:
    """The frames of log-probabilities [T, C]; symbols beyond C columns are left out."""
    return FrameReader(symbols[: log_probs.shape[1]], BLANK_ID).read(log_probs[None])[0]


places = st.lists(st.integers(0, 45), max_size=6)
