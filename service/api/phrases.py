"""Phrases that clients of other services give as hints, as the engine boosts them."""

from collections.abc import Collection, Iterable
from contextlib import suppress
from itertools import islice

from service.engine.bundle import Bundle
from service.engine.errors import InvalidOption
from service.engine.options import (
    DEFAULT_BOOST_WEIGHT,
    MAX_BOOST_CHARACTERS,
    MAX_BOOST_PHRASES,
    BoostPhrase,
    RecognitionOptions,
)
from service.engine.phrases import boost_phrase

_MAX_CONSIDERED = 4 * MAX_BOOST_PHRASES


def hinted_phrases(texts: Iterable[str], vocabulary: Collection[str]) -> tuple[BoostPhrase, ...]:
    """Each text once, in the symbols of `vocabulary`.

    They are hints: those that cannot be boosted, and those after the first `MAX_BOOST_PHRASES`, are
    left out rather than refused. Very many cost no more than some.
    """
    considered = dict.fromkeys(text for text in texts if len(text) <= MAX_BOOST_CHARACTERS)
    phrases: dict[BoostPhrase, None] = {}
    for text in islice(considered, _MAX_CONSIDERED):
        with suppress(InvalidOption):
            phrases[boost_phrase(text, DEFAULT_BOOST_WEIGHT, vocabulary)] = None
    return tuple(phrases)[:MAX_BOOST_PHRASES]


def hinted_recognition(hints: Iterable[str], bundle: Bundle, nbest: int = 1) -> RecognitionOptions:
    """The engine's options of a client that gives hints and knows nothing of decoders.

    They are the model's own, but that phrases and readings need the decoder that weighs readings.
    """
    boost, defaults = hinted_phrases(hints, bundle.vocabulary), bundle.decoding
    return RecognitionOptions(
        decoder="beam" if boost or nbest > 1 else defaults.decoder,
        beam_width=max(defaults.beam_width, nbest),
        nbest=nbest,
        boost=boost,
    )
