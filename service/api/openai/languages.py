"""Languages as OpenAI's API spells them: ISO 639-1 in requests, English names in answers."""

_NAMES = {
    "ar": "arabic",
    "de": "german",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "hi": "hindi",
    "it": "italian",
    "ja": "japanese",
    "ko": "korean",
    "nl": "dutch",
    "pl": "polish",
    "pt": "portuguese",
    "ru": "russian",
    "sv": "swedish",
    "tr": "turkish",
    "uk": "ukrainian",
    "zh": "chinese",
}


def language_name(code: str) -> str:
    """The English name of a language; the code itself where it is not a common one."""
    return _NAMES.get(_primary(code), code)


def is_language(asked: str, code: str) -> bool:
    """Whether `asked` (`en`, `en-US`, `English`) is the language of `code`, whatever its region."""
    return asked.strip().lower() == language_name(code) or _primary(asked) == _primary(code)


def _primary(tag: str) -> str:
    """The language of a tag without its region, RFC 5646 section 2.1."""
    return tag.strip().lower().replace("_", "-").split("-")[0]
