"""Utterances end where the rules say, however the frames are cut."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.endpointing import Endpointer, EndpointState
from service.engine.options import Endpointing
from tests.fakes import FRAMING

RULES = Endpointing(silence_s=1.0, max_utterance_s=4.0)  # 25 and 100 frames
SPEECH, SILENCE = True, False


def ends(
    pattern: list[bool], rules: Endpointing = RULES, cuts: list[int] | None = None
) -> list[int]:
    endpointer = Endpointer(rules, FRAMING)
    state, found = EndpointState(), []
    bounds = [0, *sorted(cuts or []), len(pattern)]
    for start, end in pairwise(bounds):
        state, new = endpointer.advance(state, [not speech for speech in pattern[start:end]])
        found += [start + index for index in new]
    return found


def test_silence_after_speech_ends_an_utterance() -> None:
    assert ends([SPEECH] * 10 + [SILENCE] * 24) == []
    assert ends([SPEECH] * 10 + [SILENCE] * 25) == [35]
    assert ends([SPEECH] * 10 + [SILENCE] * 80) == [35], "and only once"


def test_silence_alone_is_no_utterance_and_does_not_age_the_next() -> None:
    assert ends([SILENCE] * 1000) == []
    assert ends([SILENCE] * 1000 + [SPEECH] * 99) == []


def test_speech_without_a_pause_is_cut_at_the_longest_duration() -> None:
    assert ends([SPEECH] * 250) == [100, 200]


@pytest.mark.parametrize(
    ("num_speech", "num_silence"),
    # The fewest n with n >= 25 * min(1, 2 * (1 - (num_speech + n) / 100)).
    [(25, 25), (70, 10), (90, 4)],
)
def test_an_old_utterance_ends_at_a_shorter_pause(num_speech: int, num_silence: int) -> None:
    age = num_speech + num_silence
    pattern = [SPEECH] * num_speech + [SILENCE] * num_silence
    assert ends([*pattern, SPEECH]) == [age]
    assert ends([*pattern[:-1], SPEECH]) == []


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 60)), max_size=12),
    st.lists(st.floats(0, 1), max_size=8),
)
def test_cutting_changes_nothing(runs: list[tuple[bool, int]], cuts: list[float]) -> None:
    pattern = [is_speech for is_speech, length in runs for _ in range(length)]
    whole = ends(pattern)
    assert ends(pattern, cuts=[round(cut * len(pattern)) for cut in cuts]) == whole
    assert all(
        later - earlier <= 100 or SILENCE in pattern[earlier:later]
        for earlier, later in pairwise([0, *whole])
    )
