"""Phrases that clients give as hints, as the engine boosts them."""

from collections.abc import Iterable, Sequence

from service.engine.options import MAX_BOOST_CHARACTERS, MAX_BOOST_PHRASES, BoostPhrase


def boosted_phrases(texts: Iterable[str], vocabulary: Sequence[str]) -> tuple[BoostPhrase, ...]:
    """Each text once, in the symbols of `vocabulary`.

    They are hints: those that have no such symbol or are too long, and those after the first
    `MAX_BOOST_PHRASES`, are left out.
    """
    symbols = set(vocabulary)
    spelled = dict.fromkeys(_spelled(text, symbols) for text in texts)
    phrases = [text for text in spelled if 0 < len(text) <= MAX_BOOST_CHARACTERS]
    return tuple(BoostPhrase(text) for text in phrases[:MAX_BOOST_PHRASES])


def _spelled(text: str, symbols: set[str]) -> str:
    """The text in lower case; what the model has no symbol for separates words."""
    plain = text.lower().replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    return " ".join("".join(c if c in symbols else " " for c in plain).split())
