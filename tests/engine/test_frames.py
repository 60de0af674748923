"""What is read off the log-probabilities of a batch."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.frames import FrameReader
from tests.engine.ctc_samples import VOCABULARY, log_probs, read

NUM_LETTERS = len(VOCABULARY)


@given(streams=st.lists(log_probs(vocabulary_size=NUM_LETTERS + 3), min_size=1, max_size=4))
def test_each_stream_of_a_batch_is_read_by_itself(streams: list[NDArray[np.float32]]) -> None:
    num_frames = min(map(len, streams))
    batch = np.stack([stream[:num_frames] for stream in streams])
    found = FrameReader(VOCABULARY, 0).read(batch)
    assert len(found) == len(streams)
    for frames, row in zip(found, batch, strict=True):
        assert frames.log_probs.base is batch
        np.testing.assert_array_equal(frames.log_probs, row)
        letters = row[:, :NUM_LETTERS]
        assert frames.letters == [int(frame.argmax()) for frame in letters]
        assert frames.letter_log_probs == [float(frame.max()) for frame in letters]
        assert frames.silent == [float(np.exp(frame[:2]).sum()) > 0.5 for frame in letters]


def test_a_frame_is_silent_if_blank_and_space_are_likely_together() -> None:
    shares = [[0.4, 0.4, 0.0, 0.2, 0.0], [0.1, 0.1, 0.0, 0.8, 0.0], [0.6, 0.0, 0.0, 0.4, 0.0]]
    with np.errstate(divide="ignore"):
        assert read(np.log(np.array(shares, np.float32))).silent == [True, False, True]


def test_a_part_of_frames_is_that_of_all_that_was_read() -> None:
    frames = read(np.log(np.full((6, NUM_LETTERS), 1 / NUM_LETTERS, np.float32)))
    part = frames[2:5]
    assert len(part) == len(part.letters) == len(part.silent) == len(part.letter_log_probs) == 3
    np.testing.assert_array_equal(part.log_probs, frames.log_probs[2:5])
