"""The time grid's arithmetic against counting frames one by one."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.framing import Framing

FRAMINGS = st.builds(
    lambda spf, fps, lookahead: Framing(16000, spf, fps, lookahead * fps),
    st.integers(1, 7),
    st.integers(1, 4),
    st.integers(0, 4),
)


@settings(deadline=None)
@given(FRAMINGS, st.integers(1, 200))
def test_flushing_brings_out_every_frame_and_wastes_no_step(
    framing: Framing, num_samples: int
) -> None:
    flushed = framing.flushed_samples(num_samples)
    assert flushed % framing.samples_per_step == 0
    num_outputs = flushed // framing.samples_per_frame
    spare = num_outputs - framing.lookahead_frames - framing.num_frames(num_samples)
    assert 0 <= spare < framing.frames_per_step


@settings(deadline=None)
@given(FRAMINGS, st.integers(1, 200), st.lists(st.integers(1, 20), min_size=1, max_size=50))
def test_every_real_frame_comes_out_once(
    framing: Framing, num_samples: int, lengths: list[int]
) -> None:
    heard: list[int] = []  # audio frames
    first_output = 0
    for num_outputs in [*lengths, 300]:
        real = framing.real_frames(first_output, num_outputs, num_samples)
        outputs = range(first_output, first_output + num_outputs)[real]
        heard += [output - framing.lookahead_frames for output in outputs]
        first_output += num_outputs
    assert heard == list(range(framing.num_frames(num_samples)))


@pytest.mark.parametrize(
    "values", [(0, 640, 2, 8), (16000, 0, 2, 8), (16000, 640, 0, 8), (16000, 640, 2, 7)]
)
def test_an_impossible_grid_is_refused(values: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="must be"):
        Framing(*values)
