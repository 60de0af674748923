"""Boosted phrases in the search over pronounced words, with the automaton of `boosting`. Compiled.

Words that neither lexicon nor rules can say are boosted by their letters alone.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.boosting import CAUTION, Boosts, boosted_words, follow_boosts
from service.engine.compiled import borrowing
from service.engine.language_model import LanguageModel, ShallowFusion
from service.engine.ngram_search import CONTEXT_LENGTH
from service.engine.options import BoostPhrase
from service.engine.tries import NOWHERE, ROOT, child_of, place_of
from service.engine.vocabulary import Vocabulary


class SaidBoosts(NamedTuple):
    """The automaton, and the words of its phrases as the lexicon has them. Of one stream."""

    automaton: Boosts
    words: NDArray[np.int32]  # [B] the language model's numbers of the phrases' words, ascending
    numbers: NDArray[np.int32]  # [B] their numbers in the automaton
    expected: NDArray[np.float32]  # by node of the lexicon: what its open word is expected to add
    highest: float  # no word adds more for being boosted


def build_said_boosts(
    automaton: Boosts,
    phrases: Sequence[BoostPhrase],
    vocabulary: Vocabulary,
    fusion: ShallowFusion,
) -> SaidBoosts:
    """The phrases, and their automaton, for a language model that knows how its words are said."""
    model = fusion.language_model
    known = {
        model.word_id(word): number
        for number, word in enumerate(boosted_words(phrases, vocabulary))
        if model.knows(word)
    }
    return SaidBoosts(
        automaton,
        np.array(sorted(known), np.int32),
        np.array([known[word] for word in sorted(known)], np.int32),
        _expected(phrases, fusion),
        float(automaton.states["credit"].max() + automaton.states["reward"].max()),
    )


def _expected(phrases: Sequence[BoostPhrase], fusion: ShallowFusion) -> NDArray[np.float32]:
    """The most that any word may add which a node may become, in no context."""
    model, lm_weight, word_bonus = fusion.language_model, fusion.lm_weight, fusion.word_bonus
    if not phrases:
        return _shared(model, lm_weight, word_bonus)
    expected = _unboosted(model, lm_weight, word_bonus)
    for phrase in phrases:
        word, *_ = phrase.text.split()
        alone = _alone(fusion, word)
        for node, share in _way(model, word):
            boost = max(phrase.weight, 0.0) * share**CAUTION
            expected[node] = max(expected[node], alone + boost)
    return expected


@lru_cache(maxsize=8)
def _shared(model: LanguageModel, lm_weight: float, word_bonus: float) -> NDArray[np.float32]:
    """What all streams share that boost nothing and weigh alike."""
    return _unboosted(model, lm_weight, word_bonus)


def _unboosted(model: LanguageModel, lm_weight: float, word_bonus: float) -> NDArray[np.float32]:
    assert model.pronunciations is not None
    expected = lm_weight * model.pronunciations.trie["best"] + word_bonus
    expected[ROOT] = 0.0
    return expected.astype(np.float32)


@borrowing
def boost_word(boosts: SaidBoosts, state: int, word: int) -> tuple[float, int]:
    """What one of the language model's words adds after a state, and the state after it."""
    place = place_of(word, boosts.words, (0, len(boosts.words)))
    return follow_boosts(boosts.automaton, state, boosts.numbers[place] if place >= 0 else NOWHERE)


def _way(model: LanguageModel, word: str) -> Iterator[tuple[int, float]]:
    """The nodes on the way to a word, and what share of its phonemes is said by then."""
    assert model.pronunciations is not None
    phonemes, node = model.lexicon.get(word, ()) if model.knows(word) else (), ROOT
    for number, phoneme in enumerate(phonemes, start=1):
        node = child_of(model.pronunciations.trie, node, phoneme)
        yield node, number / len(phonemes)


def _alone(fusion: ShallowFusion, word: str) -> float:
    """What a word adds in no context."""
    return fusion.score(np.full(CONTEXT_LENGTH, NOWHERE, np.int32), word)[0]
