"""Phrases as people write them, in the model's symbols."""

import pytest

from service.engine.errors import InvalidOption
from service.engine.options import MAX_BOOST_CHARACTERS, MAX_BOOST_WEIGHT, BoostPhrase
from service.engine.phrases import boost_phrase
from tests.fakes import VOCABULARY


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("zanzibar", "zanzibar"),
        ("  Doctor   LIVINGSTONE ", "doctor livingstone"),
        ("Zoë's café", "zoe's cafe"),
        ("the dogs\N{PRIME} o\N{RIGHT SINGLE QUOTATION MARK}clock", "the dogs o'clock"),
        ("ACME, Inc.", "acme inc"),
        ("well-known", "well known"),
        ("'quoted'", "quoted"),
        ("ﬁre", "fire"),
        ("a" * MAX_BOOST_CHARACTERS, "a" * MAX_BOOST_CHARACTERS),
    ],
)  # fmt: skip
def test_a_phrase_is_spelled_in_the_models_symbols(written: str, spoken: str) -> None:
    assert boost_phrase(written, -2.5, VOCABULARY) == BoostPhrase(spoken, -2.5)


@pytest.mark.parametrize(
    ("written", "cause"),
    [
        ("", "no letters"),
        (" ?! ", "no letters"),
        ("'", "no letters"),
        ("covid 19", "'1', '9'.*numbers as words"),
        ("Москва", "no symbol for"),
        ("a" * (MAX_BOOST_CHARACTERS + 1), "must be between 1 and 100"),
    ],
)
def test_what_cannot_be_spoken_is_refused(written: str, cause: str) -> None:
    with pytest.raises(InvalidOption, match=cause):
        boost_phrase(written, 1.0, VOCABULARY)


@pytest.mark.parametrize("weight", [MAX_BOOST_WEIGHT + 0.1, -MAX_BOOST_WEIGHT - 0.1, float("nan")])
def test_a_weight_out_of_range_is_refused(weight: float) -> None:
    with pytest.raises(InvalidOption, match="weight of boost phrase 'a'"):
        boost_phrase("a", weight, VOCABULARY)
