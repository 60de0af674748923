"""Numbers in digits."""

import pytest

from service.engine.numerals import NUMERAL_LANGUAGES, with_numerals
from service.engine.transcript import Alternative, Segment, TimedWord


def said(text: str, gaps_s: dict[int, float] | None = None) -> Segment:
    """Words of 0.3 s, 0.1 s apart or as `gaps_s` says for those before the given words."""
    words: list[TimedWord] = []
    for i, word in enumerate(text.split()):
        gap_s = (gaps_s or {}).get(i, 0.1)
        start_s = words[-1].end_s + gap_s if words else 0.0
        words.append(TimedWord(word, start_s, start_s + 0.3, 0.9 - i / 10))
    return Segment(text, tuple(words), 0.0, words[-1].end_s, (Alternative(text, -1.0),))


@pytest.mark.parametrize(
    ("spoken", "written"),
    [
        ("twenty five dollars", "$25"),
        ("it costs five euros or ten percent more", "it costs €5 or 10% more"),
        ("three point one four", "3.14"),
        ("zero point five percent", "0.5%"),
        ("two hundred and fifty thousand people", "250000 people"),
        ("the twenty first of may", "the 21st of may"),
        ("in nineteen eighty four and twenty twenty", "in 1984 and 2020"),
        ("in two thousand and one", "in 2001"),
        ("the one i like is the second", "the one i like is the second"),
        ("no one came", "no one came"),
        ("fifty fifty", "50 50"),
        ("twenty first dollars", "21st dollars"),
        ("five point five million dollars", "$5500000"),
        ("one point two five billion", "1250000000"),
        ("half a million dollars", "$500000"),
        ("one point five million and two", "1.5 1000002"),
        ("thousands of people and a hundred dogs", "thousands of people and 100 dogs"),
        ("a hundred and one", "101"),
        ("hundred", "100"),
        ("two thirds in ten seconds", "two thirds in 10 seconds"),
        ("in the nineteen eighties or eighteen hundreds",) * 2,
        ("seven", "7"),
        ("percent", "percent"),
        ("no numbers here", "no numbers here"),
    ],
)
def test_numbers_are_written_in_digits(spoken: str, written: str) -> None:
    segment = with_numerals(said(spoken), "en")
    assert segment.text == written
    assert " ".join(word.text for word in segment.words) == written


def test_a_number_has_the_time_of_its_words_and_the_least_confidence() -> None:
    before = said("pay twenty five dollars now")
    pay, number, now = with_numerals(before, "en").words
    assert (pay, now) == (before.words[0], before.words[4])
    assert (number.start_s, number.end_s) == (before.words[1].start_s, before.words[3].end_s)
    assert number.confidence == before.words[3].confidence


def test_a_pause_parts_two_numbers() -> None:
    assert with_numerals(said("twenty five"), "en").text == "25"
    assert with_numerals(said("twenty five", {1: 1.0}), "en").text == "20 5"
    assert with_numerals(said("nineteen twenty", {1: 1.0}), "en").text == "19 20"


def test_the_rest_of_the_segment_stays() -> None:
    before = said("twenty five")
    after = with_numerals(before, "en")
    assert (after.start_s, after.end_s) == (before.start_s, before.end_s)
    assert after.alternatives == before.alternatives


def test_other_languages_have_numbers_without_signs() -> None:
    assert with_numerals(said("vingt cinq euros"), "fr").text == "25 euros"


@pytest.mark.parametrize("language", NUMERAL_LANGUAGES)
def test_every_language_is_known_to_the_library(language: str) -> None:
    assert with_numerals(said("x"), language).text == "x"
