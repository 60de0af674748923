"""Words from emissions."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.alignment import Emission, Spelling


def emissions_of(text: str) -> list[Emission]:
    return [Emission(symbol, 2 * i, 2 * i + 1, math.log(0.5)) for i, symbol in enumerate(text)]


@given(text=st.text("ab' ", max_size=12), place=st.integers(0, 12))
def test_spaces_divide_words_and_leave_no_trace(text: str, place: int) -> None:
    emissions = emissions_of(text)
    spelling = Spelling().add(emissions[:place]).add(emissions[place:])
    assert [word.text for word in spelling.finish()] == text.split()
    assert spelling.text == " ".join(text.split())


def test_a_word_spans_its_letters_and_not_the_spaces_around_it() -> None:
    first, second = Spelling().add(emissions_of("  ab a")).finish()
    assert (first.start_frame, first.end_frame) == (4, 7)
    assert (second.start_frame, second.end_frame) == (10, 11)


def test_the_open_word_is_not_complete() -> None:
    spelling = Spelling().add(emissions_of("ab a"))
    assert spelling.complete_text == "ab"
    assert spelling.text == "ab a"


def test_confidence_is_the_geometric_mean_of_the_letters() -> None:
    (word,) = (
        Spelling()
        .add([Emission("a", 0, 1, math.log(0.9)), Emission("b", 1, 2, math.log(0.4))])
        .finish()
    )
    assert word.confidence == pytest.approx(math.sqrt(0.9 * 0.4))


@pytest.mark.parametrize(("log_prob", "confidence"), [(1e-7, 1.0), (-math.inf, 0.0)])
def test_confidence_stays_between_zero_and_one(log_prob: float, confidence: float) -> None:
    (word,) = Spelling().add([Emission("a", 0, 1, log_prob)]).finish()
    assert word.confidence == confidence
