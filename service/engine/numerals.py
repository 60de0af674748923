"""Numbers as people write them: "twenty five dollars" to "$25" (inverse text normalisation).

text2num finds the numbers among timed words, so that a written number knows when it was said.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from text_to_num import find_numbers

from service.engine.transcript import Segment, TimedWord

NUMERAL_LANGUAGES: Final = ("da", "de", "en", "es", "fr", "it", "nl", "pt")

_PAUSE_S = 0.6  # words this far apart are not one number
_SMALLEST_ALONE = 3.0  # "one" and "second" alone are hardly ever numbers
_BEFORE = {"dollar": "$", "dollars": "$", "euro": "€", "euros": "€"}
_BEHIND = {"percent": "%"}
_CENTURIES = range(13, 21)  # that years begin with


@dataclass(frozen=True, slots=True)
class _Number:
    """A number and the words it was said with."""

    text: str
    words: slice
    value: float


class _Token:
    """A word as text2num asks for it."""

    def __init__(self, word: TimedWord) -> None:
        self._word = word

    def text(self) -> str:
        return self._word.text

    def nt_separated(self, previous: "_Token") -> bool:
        return self._word.start_s - previous._word.end_s >= _PAUSE_S

    def not_a_number_part(self) -> bool:
        return False


def with_numerals(segment: Segment, language: str) -> Segment:
    """The segment with its numbers written in digits; its alternatives stay as they are.

    A number takes the time of all its words and the confidence of the least sure. Amounts of money
    and percentages get their signs, and "nineteen eighty four" is a year, in English.

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
    found = find_numbers([_Token(word) for word in words], language, _SMALLEST_ALONE)
    numbers = [_Number(each.text, slice(each.start, each.end), each.value) for each in found]
    return _with_signs(_with_years(numbers), words) if language == "en" else numbers


def _with_years(numbers: Sequence[_Number]) -> list[_Number]:
    years: list[_Number] = []
    for number in numbers:
        before = years[-1] if years else None
        if before is not None and _is_year(before, number):
            text = before.text + number.text
            years[-1] = _Number(text, slice(before.words.start, number.words.stop), float(text))
        else:
            years.append(number)
    return years


def _is_year(before: _Number, number: _Number) -> bool:
    adjacent = before.words.stop == number.words.start
    plain = before.text.isdecimal() and number.text.isdecimal()
    return adjacent and plain and before.value in _CENTURIES and 10 <= number.value <= 99


def _with_signs(numbers: Sequence[_Number], words: Sequence[TimedWord]) -> list[_Number]:
    return [_with_sign(number, words) for number in numbers]


def _with_sign(number: _Number, words: Sequence[TimedWord]) -> _Number:
    start, stop = number.words.start, number.words.stop
    unit = words[stop].text if stop < len(words) else ""
    if unit not in (*_BEFORE, *_BEHIND) or not number.text.replace(".", "").isdecimal():
        return number
    text = f"{_BEFORE.get(unit, '')}{number.text}{_BEHIND.get(unit, '')}"
    return _Number(text, slice(start, stop + 1), number.value)


def _merged(words: Sequence[TimedWord], text: str) -> TimedWord:
    confidence = min(word.confidence for word in words)
    return TimedWord(text, words[0].start_s, words[-1].end_s, confidence)
