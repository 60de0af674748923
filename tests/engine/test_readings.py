"""How sure words are, against the definition, and that hundreds of readings are soon weighed."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.decoding import Word
from service.engine.readings import Reading, best_readings

WORDS = st.builds(
    lambda text, start, length: Word(text, start, start + length, 0.5),
    st.sampled_from(["a", "b"]),
    st.integers(0, 6),
    st.integers(1, 3),
)
READINGS = st.lists(
    st.builds(
        lambda words, score: Reading(tuple(words), score, score),
        st.lists(WORDS, max_size=4),
        st.floats(-9, 0),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda reading: tuple(word.text for word in reading.words),
)


def support(word: Word, readings: list[Reading]) -> float:
    """The share of the readings' probability that has the word at the time."""
    total = sum(math.exp(reading.score) for reading in readings)
    shares = [
        math.exp(reading.score) / total
        for reading in readings
        for other in reading.words
        if other.text == word.text
        and other.start_frame < word.end_frame
        and word.start_frame < other.end_frame
    ]
    return min(1.0, sum(shares))


@settings(deadline=None)
@given(READINGS)
def test_a_word_is_as_sure_as_it_sounds_and_as_readings_have_it(readings: list[Reading]) -> None:
    for reading in best_readings(readings, len(readings)):
        texts = [word.text for word in reading.words]
        before = next(each for each in readings if [word.text for word in each.words] == texts)
        for word, heard in zip(reading.words, before.words, strict=True):
            expected = heard.confidence * support(heard, readings)
            assert word.confidence == pytest.approx(expected)


def test_what_many_readings_share_is_weighed_once() -> None:
    """Else an utterance of a minute, in 512 readings, would take a minute of the interpreter."""
    shared = tuple(Word("a", 2 * place, 2 * place + 1, 0.5) for place in range(50))
    readings = [
        Reading((*shared, Word(str(number), 200, 201, 0.5)), -1.0, -1.0) for number in range(50)
    ]
    first, *others = best_readings(readings, 50)
    for reading in others:
        assert all(
            one is other for one, other in zip(reading.words[:50], first.words, strict=False)
        )
