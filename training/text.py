"""The text of transcripts: one normal form for training and scoring, its symbols as integers."""

import re
import unicodedata
from collections.abc import Iterable

from training.numerals import spell_numbers

BLANK = "<blank>"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
VOCABULARY: tuple[str, ...] = (BLANK, " ", "'", *LETTERS)
"""Output symbols of the English acoustic model, in the order of its classes."""
BLANK_ID = VOCABULARY.index(BLANK)

_IDS = {symbol: index for index, symbol in enumerate(VOCABULARY) if symbol != BLANK}

_APOSTROPHES = (
    "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{MODIFIER LETTER APOSTROPHE}"
    "\N{MODIFIER LETTER PRIME}\N{PRIME}\N{ACUTE ACCENT}\N{GRAVE ACCENT}\N{FULLWIDTH APOSTROPHE}"
)
_PLAIN_APOSTROPHES = "\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}\N{GRAVE ACCENT}"
# Letters that have no decomposition into a plain letter and an accent.
_FOLDED = str.maketrans(
    {"ß": "ss", "æ": "ae", "Æ": "Ae", "œ": "oe", "Œ": "Oe", "ø": "o", "Ø": "O", "ł": "l", "Ł": "L"}
    | {"đ": "d", "Đ": "D", "ð": "d", "Ð": "D", "þ": "th", "Þ": "Th", "ﬁ": "fi", "ﬂ": "fl"}
    | {"\N{LATIN SMALL LETTER DOTLESS I}": "i"}
    | dict.fromkeys(_APOSTROPHES, "'")
)

# With or without a full stop: nothing else is spelled like these.
_TITLES = {"mr": "mister", "mrs": "missus", "dr": "doctor", "etc": "et cetera", "vs": "versus"}
# Only with a full stop: without one these are words, or initials.
_DOTTED = {
    "prof": "professor", "rev": "reverend", "hon": "honorable", "gov": "governor",
    "sen": "senator", "capt": "captain", "col": "colonel", "gen": "general", "lt": "lieutenant",
    "sgt": "sergeant", "maj": "major", "jr": "junior", "sr": "senior", "co": "company",
    "ltd": "limited", "inc": "incorporated", "corp": "corporation", "dept": "department",
    "ave": "avenue", "blvd": "boulevard", "mt": "mount", "messrs": "messieurs",
    "jan": "january", "feb": "february", "apr": "april", "aug": "august", "sept": "september",
    "oct": "october", "nov": "november", "dec": "december",
}  # fmt: skip
_TITLE = re.compile(rf"(?<![a-z])({'|'.join(_TITLES)})(?![a-z])\.?", re.IGNORECASE)
_DOTTED_WORD = re.compile(rf"(?<![a-z])({'|'.join(_DOTTED)})\.", re.IGNORECASE)
_BY_CONTEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"(?<![A-Za-z])[Ss][Tt]\.(?=\s*[A-Z])"), "saint"),
    (re.compile(r"(?<![a-z])st\.", re.IGNORECASE), "street"),
    (re.compile(r"(?<![A-Za-z])[Ff][Tt]\.(?=\s*[A-Z])"), "fort"),
    (re.compile(r"(?<![a-z])ft\.", re.IGNORECASE), "feet"),
    (re.compile(r"(?<![a-z])nos?\.(?=\s*[0-9])", re.IGNORECASE), "number"),
    (re.compile(r"#(?=[0-9])|№"), "number"),
    (re.compile(r"(?<=[0-9])\s?%"), "percent"),
    (re.compile(r"(?<!\S)%(?!\S)"), "percent"),
    (re.compile(r"(?<!\S)\*(?!\S)"), "star"),  # telephone prompts name their keys like this
    (re.compile(r"(?<!\S)#(?!\S)"), "pound"),
)
_SIGNS = {"&": "and", "@": "at", "+": "plus", "=": "equals", "÷": "divided by", "°": "degrees"}
_SIGNS |= {"\N{MULTIPLICATION SIGN}": "times", "¢": "cents", "§": "section"}
_SPOKEN_SIGNS = str.maketrans({sign: f" {words} " for sign, words in _SIGNS.items()})

_RULED = re.compile(
    "[^-a-z\\s.,;:!?'`\"()\\[\\]_/<>\N{RIGHT SINGLE QUOTATION MARK}\N{LEFT SINGLE QUOTATION MARK}"
    "\N{LEFT DOUBLE QUOTATION MARK}\N{RIGHT DOUBLE QUOTATION MARK}\N{EM DASH}\N{EN DASH}]"
    rf"|(?<![a-z])(?:{'|'.join(_TITLES)})(?![a-z])"
    rf"|(?<![a-z])(?:{'|'.join(_DOTTED)}|st|ft)\.",
    re.IGNORECASE | re.ASCII,
)
"""What any rule but those of letter case, apostrophes and punctuation could apply to, and more."""

_STRAY_APOSTROPHE = re.compile(r"(?<![a-z])'|'(?![a-z])")
_OUTSIDE_ALPHABET = re.compile(r"[^a-z']")


def normalise(text: str) -> str:
    """The form in which transcripts are learned and compared: `a-z`, `'` and single spaces.

    Accents are folded; titles and common abbreviations, signs (& @ + = % $ ...) and numbers
    (cardinals, ordinals, years, decades, decimals, times, money) become words as they are usually
    said; letters are lower case; apostrophes stay inside words only; hyphens, all other punctuation
    and whatever has no spoken form become spaces. Idempotent; raises nothing; may return "".
    """
    spoken = _spoken(text) if _RULED.search(text) else _plain(text)
    words = _OUTSIDE_ALPHABET.sub(" ", spoken)
    if "'" in words:
        words = _STRAY_APOSTROPHE.sub(" ", words)
    return " ".join(words.split())


def unspoken(text: str) -> frozenset[str]:
    """Characters of `text` that `normalise` loses although they are said.

    These are letters of other scripts, digits that are not ASCII and signs without a rule. A
    transcript that has any is not what its audio says.
    """
    return frozenset(symbol for symbol in _spoken(text) if symbol not in _IDS and _is_said(symbol))


def encode(text: str) -> list[int]:
    """Vocabulary indices of normalised text. Raises ValueError on any other symbol."""
    try:
        return [_IDS[symbol] for symbol in text]
    except KeyError as error:
        raise ValueError(f"{error.args[0]!r} is not in the vocabulary; normalise first") from None


def decode(ids: Iterable[int]) -> str:
    """The text of vocabulary indices, blanks left out: the inverse of `encode`."""
    return "".join(VOCABULARY[index] for index in ids if index != BLANK_ID)


def _spoken(text: str) -> str:
    """Lower-case text with its accents folded and abbreviations, signs and numbers in words."""
    text = _fold_accents(text)
    text = _TITLE.sub(lambda match: f" {_TITLES[match[1].lower()]} ", text)
    text = _DOTTED_WORD.sub(lambda match: f" {_DOTTED[match[1].lower()]} ", text)
    for pattern, words in _BY_CONTEXT:
        text = pattern.sub(f" {words} ", text)
    return spell_numbers(text.translate(_SPOKEN_SIGNS)).lower()


def _plain(text: str) -> str:
    """What `_spoken` makes of text that is not `_RULED`, at a small part of the cost."""
    for apostrophe in _PLAIN_APOSTROPHES:
        text = text.replace(apostrophe, "'")
    return text.lower()


def _fold_accents(text: str) -> str:
    decomposed = unicodedata.normalize("NFD", text.translate(_FOLDED))
    return "".join(symbol for symbol in decomposed if unicodedata.category(symbol) != "Mn")


def _is_said(symbol: str) -> bool:
    category = unicodedata.category(symbol)
    return category[0] in "LNS" and category != "Sk"  # letters, numbers, symbols; Sk: bare accents
