"""Phrases that one stream is likely to have, as an automaton over words.

Every time a text has a phrase, as whole words, each of the phrase's words adds its weight to the
score. Phrases are found as Aho & Corasick 1975 find them: the state after a word is the longest
beginning of a phrase that the text ends in. Such a beginning is credited in advance with its words'
weights, or with those of a shorter beginning that it ends in, whichever are more, for the search
not to lose the phrase while it is being said; the credit is taken back when the phrase does not go
on. So it changes the order of complete texts only by the phrases that they really have. Negative
weights are not credited in advance.
"""

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from service.engine.compiled import borrowing
from service.engine.options import BoostPhrase
from service.engine.tries import NOWHERE, ROOT, Trie, build_trie, find_child
from service.engine.vocabulary import SPACE, Vocabulary

CAUTION: Final = 3
"""A word of which k letters of n are said is expected to be it with (k / n) to this power.

Expecting it from its first letters on would fill the beam with words that only begin like it, at
the cost of all others.
"""
STATE: Final = np.dtype(
    [
        ("fallback", np.int32),  # the state of the longest shorter beginning
        ("credit", np.float64),  # in advance, for the beginning of a phrase
        ("reward", np.float64),  # for the phrases that end there
    ]
)


class Boosts(NamedTuple):
    """The automaton of S states and the letters of its words. Immutable, of one stream."""

    letters: Trie  # of the phrases' words, with the most that each adds as a phrase's first over
    # its length to the power of CAUTION, the root with the most that any adds; labels are symbols,
    # ends are word numbers
    phrases: Trie  # labels are word numbers; its nodes are the states
    states: NDArray[np.void]  # [S] STATE


def boosted_words(phrases: Sequence[BoostPhrase], vocabulary: Vocabulary) -> list[str]:
    """The words of the phrases that can be recognised, by their numbers in `Boosts`."""
    texts = _recognisable(phrases, vocabulary)
    return sorted({word for text in texts for word in text.split(SPACE)})


def build_boosts(phrases: Sequence[BoostPhrase], vocabulary: Vocabulary) -> Boosts:
    """The automaton; of a phrase that is given twice, the last weight counts.

    Letters that the vocabulary lacks cannot be recognised, and phrases with them are left out.
    """
    symbols = {symbol: index for index, symbol in enumerate(vocabulary.symbols)}
    weights = _recognisable(phrases, vocabulary)
    words = boosted_words(phrases, vocabulary)
    number = {word: index for index, word in enumerate(words)}
    texts = [[number[word] for word in text.split(SPACE)] for text in weights]
    per_word = np.array([*weights.values()], np.float64)  # [P]
    spellings = [[symbols[letter] for letter in word] for word in words]
    most = _first_word_weights(texts, per_word, len(words))
    letters, _ = build_trie(spellings, most / [len(word) ** CAUTION for word in words])
    letters["best"][ROOT] = most.max(initial=0.0)
    trie, nodes = build_trie(texts, per_word)
    return Boosts(letters, trie, _states(trie, nodes, [len(text) for text in texts], per_word))


@borrowing
def follow_boosts(boosts: Boosts, state: int, word: int) -> tuple[float, int]:
    """What a word adds after a state, and the state after it. A word of no phrase is NOWHERE."""
    next_state = _next_state(boosts, state, word)
    before, now = boosts.states[state], boosts.states[next_state]
    return float(now["credit"] - before["credit"] + now["reward"]), next_state


@borrowing
def credit(boosts: Boosts, state: int) -> float:
    """What the beginning of a phrase has been credited with, in a state of the automaton."""
    return float(boosts.states[state]["credit"])


@borrowing
def _next_state(boosts: Boosts, state: int, word: int) -> int:
    if word == NOWHERE:
        return ROOT
    child = find_child(boosts.phrases, state, word)
    while child == NOWHERE and state != ROOT:
        state = boosts.states[state]["fallback"]
        child = find_child(boosts.phrases, state, word)
    return child if child != NOWHERE else ROOT


def _recognisable(phrases: Sequence[BoostPhrase], vocabulary: Vocabulary) -> Mapping[str, float]:
    """The phrases' weights by their texts."""
    symbols = set(vocabulary.symbols)
    return {phrase.text: phrase.weight for phrase in phrases if set(phrase.text) <= symbols}


def _first_word_weights(
    texts: Sequence[Sequence[int]], per_word: NDArray[np.float64], num_words: int
) -> NDArray[np.float64]:
    """[num_words] the most that a word adds by beginning a phrase."""
    weights = np.zeros(num_words)
    first_words = np.array([text[0] for text in texts], np.intp)
    np.maximum.at(weights, first_words, per_word)
    return weights


def _states(
    trie: Trie, nodes: NDArray[np.int32], num_words: Sequence[int], per_word: NDArray[np.float64]
) -> NDArray[np.void]:
    """[S] STATE of the phrases' trie; `nodes` [P, L] as `build_trie` gives them."""
    states = np.zeros(len(trie) - 1, STATE)
    children = _children(trie)
    depth = np.zeros(len(states), np.intp)
    for column in range(nodes.shape[1]):
        depth[nodes[nodes[:, column] != NOWHERE, column]] = column + 1
    for state in range(len(states)):  # breadth first: what it falls back to is known
        phrase, fallback = trie["end"][state], states["fallback"][state]
        own = per_word[phrase] * num_words[phrase] if phrase != NOWHERE else 0.0
        states["reward"][state] = own + states["reward"][fallback]
        # Of what may follow, the best counts: of its own phrases, or of those it falls back to.
        own = max(trie["best"][state], 0.0) * depth[state] if children[state] else 0.0
        states["credit"][state] = max(own, states["credit"][fallback])
        for word, child in children[state].items():
            if state != ROOT:
                states["fallback"][child] = _after(word, int(fallback), children, states)
    return states


def _children(trie: Trie) -> list[Mapping[int, int]]:
    first, labels = trie["first_child"].tolist(), trie["label"].tolist()
    return [{labels[child]: child for child in range(begin, end)} for begin, end in pairwise(first)]


def _after(
    word: int, state: int, children: list[Mapping[int, int]], states: NDArray[np.void]
) -> int:
    """The state after a word."""
    while word not in children[state] and state != ROOT:
        state = int(states["fallback"][state])
    return children[state].get(word, ROOT)
