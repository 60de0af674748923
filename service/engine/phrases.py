"""Phrases as people write them, in the symbols that a model speaks in."""

import re
import unicodedata
from collections.abc import Collection

from service.engine.errors import InvalidOption
from service.engine.options import BoostPhrase

_APOSTROPHES = dict.fromkeys(map(ord, "\u2019\u2018\u02bc\u2032\u00b4`"), "'")
_STRAY_APOSTROPHE = re.compile(r"(?<!\w)'|'(?!\w)")


def boost_phrase(text: str, weight: float, vocabulary: Collection[str]) -> BoostPhrase:
    """A phrase to boost, written in any way that people do: "Zoë's", "MP3-Player", "ACME Inc.".

    Accents are folded, capitals lowered, and punctuation separates words. What must be spoken and
    has no symbol, as digits have none, is refused: only the caller knows how it is said.

    Args:
        weight: nats that each of its words adds to the score.
        vocabulary: the model's symbols.

    Raises:
        InvalidOption: nothing of it can be spoken, a character cannot, or it is out of bounds.
    """
    spoken = _STRAY_APOSTROPHE.sub(" ", _plain(text))
    unknown = sorted({c for c in spoken if c.isalnum() and c not in vocabulary})
    if unknown:
        raise InvalidOption(
            f"boost phrase {text!r:.120} has {', '.join(map(repr, unknown[:5]))}, which the model "
            "has no symbol for; write it as it is spoken, numbers as words"
        )
    spoken = " ".join("".join(c if c in vocabulary else " " for c in spoken).split())
    if not spoken:
        raise InvalidOption(f"boost phrase {text!r:.120} has no letters; write a word or more")
    return BoostPhrase(spoken, weight)


def _plain(text: str) -> str:
    """Lower case, accents gone, one kind of apostrophe."""
    decomposed = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES))
    return "".join(c for c in decomposed if not unicodedata.combining(c)).lower()
