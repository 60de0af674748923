"""Greedy decoding against a reference written with itertools.groupby."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given
from numpy.typing import NDArray

from service.engine.decoding import Hypothesis
from service.engine.greedy import GreedyDecoder
from tests.engine.ctc_samples import (
    BLANK_ID,
    VOCABULARY,
    cut,
    decoded,
    log_probs,
    places,
    read,
    spelled,
)

decoder = GreedyDecoder(VOCABULARY, BLANK_ID)


def only_reading(frames: NDArray[np.float32]) -> Hypothesis:
    (hypothesis,) = decoder.hypotheses(decoder.advance(decoder.start(), read(frames)))
    return hypothesis


def reference(frames: NDArray[np.float32]) -> list[tuple[str, int, int, float]]:
    """(text, start, end, confidence) of every word, one frame at a time."""
    runs = groupby(enumerate(frames), key=lambda item: int(item[1].argmax()))
    letters = [
        (VOCABULARY[symbol], [(t, float(np.exp(frame.max()))) for t, frame in run])
        for symbol, run in runs
        if symbol != BLANK_ID
    ]
    words = []
    for is_space, group in groupby(letters, key=lambda letter: letter[0] == " "):
        if not is_space:
            word = list(group)
            peaks = [max(posterior for _, posterior in run) for _, run in word]
            confidence = float(np.prod(peaks)) ** (1 / len(peaks))
            text = "".join(symbol for symbol, _ in word)
            words.append((text, word[0][1][0][0], word[-1][1][-1][0] + 1, confidence))
    return words


@given(frames=log_probs())
def test_words_equal_the_reference(frames: NDArray[np.float32]) -> None:
    words = only_reading(frames).words
    expected = reference(frames)
    assert [(w.text, w.start_frame, w.end_frame) for w in words] == [e[:3] for e in expected]
    assert [w.confidence for w in words] == pytest.approx([e[3] for e in expected], abs=1e-6)
    assert all(0 <= w.confidence <= 1 for w in words)


@given(frames=log_probs(), places=places)
def test_any_cutting_gives_the_same_state(frames: NDArray[np.float32], places: list[int]) -> None:
    assert decoded(decoder, cut(frames, places)) == decoded(decoder, [frames])


@given(frames=log_probs(), places=places)
def test_what_is_stable_never_changes(frames: NDArray[np.float32], places: list[int]) -> None:
    state, stable = decoder.start(), ""
    for piece in cut(frames, places):
        state = decoder.advance(state, read(piece))
        partial = decoder.partial(state)
        assert partial.stable.startswith(stable)
        assert partial.text.startswith(partial.stable)
        stable = partial.stable
    text = decoder.hypotheses(state)[0].text
    words = stable.split()
    assert text.split()[: len(words)] == words
    assert text == decoder.partial(state).text


@given(frames=log_probs())
def test_the_score_is_that_of_the_best_path(frames: NDArray[np.float32]) -> None:
    assert only_reading(frames).score == pytest.approx(frames.max(axis=1).sum(), abs=1e-3)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("", ""),
        ("-----", ""),
        ("     ", ""),
        ("aa-a-bb", "aab"),
        ("  -a  - b ", "a b"),
        ("'a a' -'", "'a a' '"),
    ],
)
def test_texts(path: str, text: str) -> None:
    assert only_reading(spelled(path)).text == text


def test_the_state_is_not_changed_by_advancing_it() -> None:
    before = decoder.advance(decoder.start(), read(spelled("ab")))
    decoder.advance(before, read(spelled("ba")))
    assert before == decoder.advance(decoder.start(), read(spelled("ab")))


def test_a_frame_where_nothing_is_possible_gives_no_text() -> None:
    assert only_reading(np.full((3, len(VOCABULARY)), -np.inf, np.float32)).text == ""


@pytest.mark.parametrize(
    ("symbols", "blank_id"),
    [(["-", " "], 2), (["-", " "], -1), (["-", "a"], 0), (["-", " ", "-"], 0)],
)
def test_a_vocabulary_that_cannot_be_decoded_is_refused(symbols: list[str], blank_id: int) -> None:
    with pytest.raises(ValueError, match=r"blank|space|twice"):
        GreedyDecoder(symbols, blank_id)
