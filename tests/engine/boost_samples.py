"""What boosted phrases should add."""

from service.engine.options import BoostPhrase


def boost_of(text: str, boosts: tuple[BoostPhrase, ...]) -> float:
    """Every phrase's weight for each of its words, wherever the text has it as whole words."""
    words, total = text.split(), 0.0
    for phrase in boosts:
        wanted = phrase.text.split()
        places = range(len(words) - len(wanted) + 1)
        found = sum(words[place : place + len(wanted)] == wanted for place in places)
        total += found * len(wanted) * phrase.weight
    return total
