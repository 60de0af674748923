"""Normalisation: golden cases and the properties that training and scoring rely on."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.text import BLANK_ID, VOCABULARY, decode, encode, normalise, unspoken

GOLDEN = {
    # letters, apostrophes, punctuation
    "": "",
    "  THE   Cat\tsat \n": "the cat sat",
    "Don't go, 'twas the boys' dog": "don't go twas the boys dog",
    "It\N{RIGHT SINGLE QUOTATION MARK}s": "it's",
    "O''Brien": "o brien",
    "well-known and/or _you_ (maybe)...": "well known and or you maybe",
    "Café naïve Ærø straße Łódź": "cafe naive aero strasse lodz",
    "Mummy has a bag,and I have.": "mummy has a bag and i have",
    # abbreviations
    "Mr. and Mrs. Dr Jones's vs. mr": "mister and missus doctor jones's versus mister",
    "St. John St. is closed": "saint john street is closed",
    "Ft. Worth is 3 ft. away": "fort worth is three feet away",
    "Philip Steels, etc.": "philip steels et cetera",
    "No. 5? No. Prof. Lee, Co. B": "number five no professor lee company b",
    "1 for A.M, or 2 for p.m.": "one for a m or two for p m",
    "the mt and the col are words": "the mt and the col are words",
    # signs
    "R&D @ 5% + 1 = 2": "r and d at five percent plus one equals two",
    "press * or # or #1": "press star or pound or number one",
    "Caller*ID": "caller id",
    "20°": "twenty degrees",
    # numbers
    "Press 1": "press one",
    "pascal2 Y2K": "pascal two y two k",
    "100, 200, 300": "one hundred two hundred three hundred",
    "1,234,567": "one million two hundred and thirty four thousand five hundred and sixty seven",
    "007 and 0": "zero zero seven and zero",
    "1234567890": "one two three four five six seven eight nine zero",
    "-5 to 10-12": "minus five to ten twelve",
    "3.14, .5 and 1.2.3": "three point one four point five and one point two point three",
    "the 1st, 21'st and 103RD": "the first twenty first and one hundred and third",
    "March 16, 1908": "march sixteenth nineteen oh eight",
    "March 1908, May 1,900": "march nineteen oh eight may one thousand nine hundred",
    "1066 1900 2005 2019": "one thousand and sixty six nineteen hundred two thousand and five "
    "twenty nineteen",
    "the 1980s, '20s, 10's, 6s and 100s": "the nineteen eighties twenties tens sixes and hundreds",
    # times
    "9:30 a.m. or 12:05": "nine thirty a m or twelve oh five",
    "3:00, 3:00 pm and 15:00": "three o'clock three pm and fifteen hundred",
    # money
    "$1 and $5.20": "one dollar and five dollars and twenty cents",
    "£2.01, €0.50": "two pounds and one penny fifty cents",
    "$50 million, $1.5 billion, £1,000": "fifty million dollars one point five billion dollars "
    "one thousand pounds",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), GOLDEN.items())
def test_normal_form(text: str, expected: str) -> None:
    assert normalise(text) == expected
    assert not unspoken(text)


NEARLY_ENGLISH = st.text(
    st.sampled_from("abdmnrstwDMS 0123456789.,:'-$£%#*&_/\n@½é中"), max_size=40
)
WORDS = st.lists(
    st.sampled_from(["Mr.", "St.", "st", "No.", "5", "1,000", "12:30", "$3.50", "'s", "1980s", "%"])
    | st.text(max_size=4)
).map(" ".join)


@given(st.text() | NEARLY_ENGLISH | WORDS)
def test_any_text_has_a_normal_form_in_the_vocabulary(text: str) -> None:
    normal = normalise(text)
    assert re.fullmatch(r"([a-z]+('[a-z]+)*( [a-z]+('[a-z]+)*)*)?", normal)
    assert decode(encode(normal)) == normal


@given(st.text() | NEARLY_ENGLISH | WORDS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    normal = normalise(text)
    assert normalise(normal) == normal
    assert not unspoken(normal)


class _Everything:
    """Takes any text for one that rules apply to."""

    def search(self, _: str) -> bool:
        return True


PLAIN = st.text(
    st.sampled_from("abMrsStofD .,;:!?'`\"()[]_/<>-\N{RIGHT SINGLE QUOTATION MARK}\N{EM DASH}\n\t")
)


@given(st.text() | NEARLY_ENGLISH | WORDS | PLAIN)
def test_the_short_way_leads_to_the_same_text(text: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        found = normalise(text)
        patch.setattr("training.text._RULED", _Everything())
        assert normalise(text) == found


@given(st.integers(min_value=0, max_value=10**30))
def test_every_number_is_spelled_out(number: int) -> None:
    assert normalise(str(number))
    assert not unspoken(f"{number} {number:,} {number}th ${number}.50")


@pytest.mark.parametrize(
    ("text", "lost"),
    [("½ cup", "½"), ("привет", "привет"), ("東京", "東京"), ("٣ boys", "٣"), ("a < b", "<")],
)
def test_what_cannot_be_said_is_named(text: str, lost: str) -> None:
    assert unspoken(text) == frozenset(lost)


def test_vocabulary_order() -> None:
    assert VOCABULARY[:4] == ("<blank>", " ", "'", "a")
    assert VOCABULARY[-1] == "z"
    assert len(VOCABULARY) == len(set(VOCABULARY)) == 29


def test_encode_is_the_vocabulary_index() -> None:
    assert encode("it's a") == [VOCABULARY.index(symbol) for symbol in "it's a"]


def test_decode_leaves_blanks_out() -> None:
    assert decode([BLANK_ID, *encode("a"), BLANK_ID, *encode("b")]) == "ab"


@pytest.mark.parametrize("text", ["A", "1", "<blank>", "é"])
def test_encode_refuses_text_that_is_not_normal(text: str) -> None:
    with pytest.raises(ValueError, match="normalise first"):
        encode(text)
