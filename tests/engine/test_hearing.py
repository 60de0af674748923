"""What is kept of an utterance's frames."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.hearing import Hearing
from tests.engine.ctc_samples import cut, log_probs, places, read, spelled


def kept(pieces: list[NDArray[np.float32]]) -> Hearing:
    hearing = Hearing()
    for piece in pieces:
        hearing = hearing.add(read(piece))
    return hearing


@settings(deadline=None, max_examples=60)
@given(silence=st.integers(0, 60), frames=log_probs(), cuts=places)
def test_any_cutting_keeps_the_same(
    silence: int, frames: NDArray[np.float32], cuts: list[int]
) -> None:
    whole = np.concatenate([spelled("-" * 60)[:silence], frames])
    once, in_pieces = kept([whole]), kept(cut(whole, cuts))
    assert in_pieces.first_frame == once.first_frame
    assert in_pieces.has_begun == once.has_begun
    if len(whole):
        np.testing.assert_array_equal(in_pieces.log_probs, once.log_probs)
        np.testing.assert_array_equal(once.log_probs, whole[once.first_frame :])


def test_a_second_before_speech_is_kept_and_all_from_there_on() -> None:
    hearing = kept([spelled("-" * 40 + " " * 10), spelled("ab" + "-" * 100)])
    assert hearing.first_frame == 25
    assert len(hearing.log_probs) == 25 + 2 + 100


def test_endless_silence_is_forgotten() -> None:
    hearing = kept([spelled("-" * 30)] * 1000)
    assert hearing.first_frame == 30_000 - 25
    assert len(hearing.log_probs) == 25


def test_no_batch_is_kept_alive_by_what_is_a_part_of_it() -> None:
    batch = np.stack([spelled("--ab"), spelled("ba--")])  # [B, T, C]
    hearing = kept([batch[0], batch[1]])
    assert not any(np.shares_memory(piece, batch) for piece in hearing.pieces)
