"""Numbers as people write them: "twenty five dollars" to "$25" (inverse text normalisation).

text2num finds the numbers among timed words, so that a written number knows when it was said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from text_to_num import find_numbers

from service.engine.transcript import Segment, TimedWord

NUMERAL_LANGUAGES: Final = ("da", "de", "en", "es", "fr", "it", "nl", "pt")

_PAUSE_S = 0.6  # words this far apart are not one number
_SMALLEST_ALONE = 3.0  # "one" and "second" alone are hardly ever numbers
_BEFORE = {"dollar": "$", "dollars": "$", "euro": "€", "euros": "€"}
_BEHIND = {"percent": "%"}
_CENTURIES = range(13, 21)  # that years begin with
_SCALES = {"hundred", "thousand", "million", "billion"}
_TENS = ("twen", "thir", "for", "fif", "six", "seven", "eigh", "nine")
_OF_YEARS = {"hundreds", *(f"{ten}ties" for ten in _TENS)}  # "nineteen eighties" stay in words


@dataclass(frozen=True, slots=True)
class _Number:
    """A number and the words it was said with."""

    text: str
    words: slice
    value: float


class _Token:
    """A word as text2num asks for it."""

    def __init__(self, word: TimedWord, language: str) -> None:
        self._word = word
        # Thousands of people are not 1000, and two thirds are nobody who came third.
        self._is_plural = language == "en" and word.text.endswith("s")

    def text(self) -> str:
        return self._word.text

    def nt_separated(self, previous: "_Token") -> bool:
        return _pause_between(previous._word, self._word)

    def not_a_number_part(self) -> bool:
        return self._is_plural


def with_numerals(segment: Segment, language: str) -> Segment:
    """The segment with its numbers written in digits; its alternatives stay as they are.

    A number takes the time of all its words and the confidence of the least sure. In English,
    amounts of money and percentages get their signs, "nineteen eighty four" is a year, "five point
    five million" and "half a million" are one number, and "a hundred" loses its article.

    Args:
        language: one of `NUMERAL_LANGUAGES`.
    """
    words: list[TimedWord] = []
    position = 0
    for number in _numbers(segment.words, language):
        words += segment.words[position : number.words.start]
        words.append(_merged(segment.words[number.words], number.text))
        position = number.words.stop
    words += segment.words[position:]
    return replace(segment, text=" ".join(word.text for word in words), words=tuple(words))


def _numbers(words: Sequence[TimedWord], language: str) -> list[_Number]:
    tokens = [_Token(word, language) for word in words]
    found = find_numbers(tokens, language, _SMALLEST_ALONE)
    numbers = [_Number(each.text, slice(each.start, each.end), each.value) for each in found]
    return _in_english(numbers, words) if language == "en" else numbers


def _in_english(numbers: Sequence[_Number], words: Sequence[TimedWord]) -> list[_Number]:
    joined: list[_Number] = []
    for number in numbers:
        if _text_at(number.words.stop, words) in _OF_YEARS:
            continue
        before = joined[-1] if joined else None
        if before is None or not _adjacent(before, number, words):
            joined.append(_with_article(number, words))
        elif _is_year(before, number):
            joined[-1] = _joined(before, number, before.text + number.text)
        elif "." in before.text and _is_scale(number, words):
            joined[-1] = _joined(before, number, _product(before.text, number.text))
        else:
            joined.append(number)
    return [_with_sign(number, words) for number in joined]


def _adjacent(before: _Number, number: _Number, words: Sequence[TimedWord]) -> bool:
    start = number.words.start
    return before.words.stop == start and not _pause_between(words[start - 1], words[start])


def _pause_between(earlier: TimedWord, later: TimedWord) -> bool:
    return later.start_s - earlier.end_s >= _PAUSE_S


def _joined(before: _Number, number: _Number, text: str) -> _Number:
    return _Number(text, slice(before.words.start, number.words.stop), float(text))


def _is_year(before: _Number, number: _Number) -> bool:
    plain = before.text.isdecimal() and number.text.isdecimal()
    return plain and before.value in _CENTURIES and 10 <= number.value <= 99


def _product(number: str, scale: str) -> str:
    """Of "5.5" and "1000000", said as "five point five million", "5500000"."""
    return f"{(Decimal(number) * Decimal(scale)).normalize():f}"


def _is_scale(number: _Number, words: Sequence[TimedWord]) -> bool:
    """Whether it is "million" or the like and no more."""
    return words[number.words.start].text in _SCALES and number.text.strip("0") == "1"


def _with_article(number: _Number, words: Sequence[TimedWord]) -> _Number:
    """With the "a" of "a hundred and one", or the "half a" of "half a million"."""
    start, stop = number.words.start, number.words.stop
    if words[start].text not in _SCALES or _text_at(start - 1, words) != "a":
        return number
    if _text_at(start - 2, words) != "half":
        return replace(number, words=slice(start - 1, stop))
    if not _is_scale(number, words):
        return number
    return replace(number, words=slice(start - 2, stop), text=_product("0.5", number.text))


def _with_sign(number: _Number, words: Sequence[TimedWord]) -> _Number:
    start, stop = number.words.start, number.words.stop
    unit = _text_at(stop, words)
    if unit not in (*_BEFORE, *_BEHIND) or not number.text.replace(".", "").isdecimal():
        return number
    text = f"{_BEFORE.get(unit, '')}{number.text}{_BEHIND.get(unit, '')}"
    return _Number(text, slice(start, stop + 1), number.value)


def _text_at(index: int, words: Sequence[TimedWord]) -> str:
    return words[index].text if 0 <= index < len(words) else ""


def _merged(words: Sequence[TimedWord], text: str) -> TimedWord:
    confidence = min(word.confidence for word in words)
    return TimedWord(text, words[0].start_s, words[-1].end_s, confidence)
