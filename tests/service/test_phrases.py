"""Hints: what cannot be boosted is left out, and very many cost no more than some."""

from service.api.phrases import hinted_phrases
from service.engine.options import MAX_BOOST_PHRASES
from tests.fakes import VOCABULARY


def texts(*hints: str) -> list[str]:
    return [phrase.text for phrase in hinted_phrases(hints, VOCABULARY)]


def test_hints_are_spelled_in_the_models_symbols_once() -> None:
    assert texts("Zanzibar", "ZANZIBAR!", "Dr. Who") == ["zanzibar", "dr who"]


def test_what_cannot_be_boosted_is_left_out() -> None:
    assert texts("", "4711", "日本", "-", "a" * 101, "fine") == ["fine"]


def test_the_first_ones_count() -> None:
    hints = [f"a{'b' * (number % 90)} c{'d' * (number // 90)}" for number in range(1000)]
    assert len(texts(*hints)) == MAX_BOOST_PHRASES
    assert texts(*hints)[:2] == ["a c", "ab c"]


def test_few_of_very_many_are_looked_at() -> None:
    looked_at = iter(f"{number}" for number in range(10_000))
    assert texts(*looked_at, "too late") == []
