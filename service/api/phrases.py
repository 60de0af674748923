"""Phrases that clients of other services give as hints, as the engine boosts them."""

from collections.abc import Collection, Iterable
from contextlib import suppress

from service.engine.errors import InvalidOption
from service.engine.options import DEFAULT_BOOST_WEIGHT, MAX_BOOST_PHRASES, BoostPhrase
from service.engine.phrases import boost_phrase


def hinted_phrases(texts: Iterable[str], vocabulary: Collection[str]) -> tuple[BoostPhrase, ...]:
    """Each text once, in the symbols of `vocabulary`.

    They are hints: those that cannot be boosted, and those after the first `MAX_BOOST_PHRASES`, are
    left out rather than refused.
    """
    phrases: dict[BoostPhrase, None] = {}
    for text in texts:
        with suppress(InvalidOption):
            phrases[boost_phrase(text, DEFAULT_BOOST_WEIGHT, vocabulary)] = None
    return tuple(phrases)[:MAX_BOOST_PHRASES]
