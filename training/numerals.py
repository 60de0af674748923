"""Numbers in English text as they are said: times, money, years, ordinals, decimals.

Every function is pure. Input is text whose letters are plain ASCII. The words that come out may
hold hyphens and commas, as num2words writes them; `training.text` turns these into spaces.
"""

import re
from collections.abc import Callable
from functools import partial
from typing import TypeAlias

from num2words import num2words

_Say: TypeAlias = Callable[[re.Match[str]], str]

_LONGEST_CARDINAL = 9  # digits; a longer run is an identifier or a telephone number
_FIRST_YEAR, _LAST_YEAR = 1100, 2099  # bare four-digit numbers in this range are said as years
_DIGIT_WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
_CURRENCIES = {  # sign: (unit, units, hundredth, hundredths)
    "$": ("dollar", "dollars", "cent", "cents"),
    "£": ("pound", "pounds", "penny", "pence"),
    "€": ("euro", "euros", "cent", "cents"),
    "¥": ("yen", "yen", "sen", "sen"),
}

_AMOUNT = r"[0-9]+(?:,[0-9]{3})*"
_MONEY = re.compile(
    rf"([$£€¥])\s?({_AMOUNT})(?:\.([0-9]{{2}})(?![0-9])|(\.[0-9]+))?"
    r"(\s(?:hundred|thousand|million|billion|trillion)(?![a-z]))?",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"(?<![0-9:])([01]?[0-9]|2[0-3]):([0-5][0-9])(?![0-9:])(?=(\s*[ap]\.?\s?m\b)?)", re.IGNORECASE
)
_GROUPED = re.compile(r"(?<![0-9,.])[0-9]{1,3}(?:,[0-9]{3})+(?![0-9]|,[0-9])")
_MONTHS = "January|February|March|April|May|June|July|August|September|October|November|December"
_DAY = re.compile(rf"(?<![A-Za-z])({_MONTHS})\s+([0-2]?[0-9]|3[01])(?![0-9:'a-z]|[.,][0-9])")
_ORDINAL = re.compile(r"(?<![0-9.])([0-9]{1,9})'?(?:st|nd|rd|th)(?![a-z])", re.IGNORECASE)
_PLURAL = re.compile(r"(?<![0-9.])([0-9]{1,9})'?s(?![a-z])", re.IGNORECASE)
_DECIMAL = re.compile(r"[0-9]*(?:\.[0-9]+)+")
_NEGATIVE = re.compile(r"(?:(?<=\s)|^)[-\N{MINUS SIGN}](?=\.?[0-9])")
_WHOLE = re.compile(r"[0-9]+")


def spell_numbers(text: str) -> str:
    """`text` with every ASCII digit said in words, each number set off by spaces."""
    rules: tuple[tuple[re.Pattern[str], _Say], ...] = (
        (_MONEY, _money),
        (_TIME, _time),
        (_GROUPED, lambda match: _cardinal(match[0].replace(",", ""))),
        (_DAY, lambda match: f"{match[1]} {_ordinal(match[2])}"),
        (_ORDINAL, lambda match: _ordinal(match[1])),
        (_PLURAL, lambda match: _plural(match[1])),
        (_NEGATIVE, lambda _: "minus"),
        (_DECIMAL, lambda match: _decimal(match[0])),
        (_WHOLE, lambda match: _whole(match[0])),
    )
    for pattern, say in rules:
        text = pattern.sub(partial(_set_off, say), text)
    return text


def _set_off(say: _Say, match: re.Match[str]) -> str:
    return f" {say(match)} "


def _digits(digits: str) -> str:
    return " ".join(_DIGIT_WORDS[int(digit)] for digit in digits)


def _cardinal(digits: str) -> str:
    if len(digits) > _LONGEST_CARDINAL or (len(digits) > 1 and digits[0] == "0"):
        return _digits(digits)
    return str(num2words(int(digits)))


def _is_year(digits: str) -> bool:
    return len(digits) == 4 and _FIRST_YEAR <= int(digits) <= _LAST_YEAR


def _whole(digits: str) -> str:
    return str(num2words(int(digits), to="year")) if _is_year(digits) else _cardinal(digits)


def _ordinal(digits: str) -> str:
    return str(num2words(int(digits), to="ordinal"))


def _plural(digits: str) -> str:
    """Decades and counts in the plural: 1980s, 10's."""
    said = re.sub(r"^one (?=hundred$|thousand$|million$)", "", _whole(digits))
    if said.endswith("y"):
        return f"{said[:-1]}ies"
    return f"{said}es" if said.endswith("six") else f"{said}s"


def _decimal(number: str) -> str:
    """Decimals, and dotted numbers such as versions: digits after a point are said one by one."""
    whole, *parts = number.split(".")
    return " point ".join([_cardinal(whole) if whole else "", *map(_digits, parts)])


def _time(match: re.Match[str]) -> str:
    hour, minute, is_twelve_hour = match[1], match[2], match[3]
    said_hour = str(num2words(int(hour)))
    if minute == "00":
        if is_twelve_hour:
            return said_hour
        return f"{said_hour} o'clock" if int(hour) in range(1, 13) else f"{said_hour} hundred"
    if minute[0] == "0":
        return f"{said_hour} oh {num2words(int(minute))}"
    return f"{said_hour} {num2words(int(minute))}"


def _money(match: re.Match[str]) -> str:
    sign, grouped, hundredths, fraction, magnitude = match.groups()
    unit, units, hundredth, hundredths_name = _CURRENCIES[sign]
    digits = grouped.replace(",", "")
    if magnitude or fraction:
        number = digits + (f".{hundredths}" if hundredths else fraction or "")
        said = _decimal(number) if "." in number else _cardinal(digits)
        return f"{said}{magnitude or ''} {units}"
    said = f"{_cardinal(digits)} {unit if int(digits) == 1 else units}"
    if not hundredths or int(hundredths) == 0:
        return said
    small = f"{num2words(int(hundredths))} {hundredth if int(hundredths) == 1 else hundredths_name}"
    return small if int(digits) == 0 else f"{said} and {small}"
