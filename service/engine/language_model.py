"""A backoff n-gram language model, the letters of its words, and how it joins acoustic scores."""

from collections import ChainMap
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from service.engine.decoding_defaults import OOV_LETTER_LOG_PROB
from service.engine.errors import InvalidBundle
from service.engine.letter_to_sound import Rules, say
from service.engine.lexicon import Lexicon, build_pronunciations, extend_pronunciations
from service.engine.ngram_file import (
    BEGIN_ID,
    SPECIAL_WORDS,
    UNKNOWN_ID,
    InvalidNgramFile,
    NgramTrie,
    read_ngram_file,
)
from service.engine.ngram_search import CONTEXT_LENGTH, Ngrams, score_word
from service.engine.tries import NOWHERE, Trie, build_long_trie


class LanguageArrays(NamedTuple):
    """What compiled code needs to know."""

    ngrams: Ngrams
    letters: Trie  # of all words but the special ones, with their ln probabilities in no context;
    # labels are symbols, ends are word numbers
    unknown_log_prob: float  # ln probability of an unknown word in no context


class LanguageModel:
    """Judges words by the words before them. Shared and immutable.

    A state is [CONTEXT_LENGTH] int32: the n-grams of the last one, two, ... words, NOWHERE where
    the model has none.

    Args:
        trie: the n-grams.
        symbols: the acoustic model's vocabulary, whose indices spell the words.
        lexicon: how words are said, if the acoustic model puts phonemes out.
        num_phonemes: how many of them it has.
        rules: how words are said that the lexicon lacks.

    Raises:
        ValueError: a word has a letter that is not among the symbols.
    """

    def __init__(
        self,
        trie: NgramTrie,
        symbols: Sequence[str],
        lexicon: Lexicon = MappingProxyType({}),
        num_phonemes: int = 0,
        rules: Rules = MappingProxyType({}),
    ) -> None:
        ngrams = Ngrams(
            trie.first_child,
            trie.word_ids,
            trie.log_prob_codes,
            trie.backoff_codes,
            trie.codebooks,
        )
        log_probs = trie.codebooks[0, 0][trie.log_prob_codes[: trie.num_ngrams[0]]]
        values = log_probs.astype(np.float64)
        letters = _spelled(trie.vocabulary, values, symbols)
        self.arrays = LanguageArrays(ngrams, letters, float(log_probs[UNKNOWN_ID]))
        self.vocabulary = trie.vocabulary
        self.lexicon = lexicon
        self._rules = rules
        self.pronunciations = (
            build_pronunciations(lexicon, trie.vocabulary, values, num_phonemes)
            if lexicon
            else None
        )
        numbers = {word: index for index, word in enumerate(trie.vocabulary)}
        self._word_ids: Mapping[str, int] = numbers

    def start(self) -> NDArray[np.int32]:
        """The state before the first word of an utterance."""
        state = np.full(CONTEXT_LENGTH, NOWHERE, np.int32)
        state[0] = BEGIN_ID
        return state

    def word_id(self, word: str) -> int:
        """The word's number, or that of unknown ones."""
        return self._word_ids.get(word, UNKNOWN_ID)

    def knows(self, word: str) -> bool:
        """Whether the word is in the vocabulary."""
        return self.word_id(word) >= len(SPECIAL_WORDS)

    def saying(self, words: Iterable[str]) -> "LanguageModel":
        """The same model, which says these words as well as its own, by rule.

        Those that it does not know get numbers beyond its vocabulary's, and are no more probable
        than other unknown words. Those that no rule can say are left out.

        Raises ValueError where it does not know how its own words are said.
        """
        if self.pronunciations is None:
            raise ValueError("the language model does not know how its words are said")
        guesses = {word: say(self._rules, word) for word in words if not self.knows(word)}
        said = {word: bytes(phonemes) for word, phonemes in guesses.items() if phonemes}
        if not said:
            return self
        numbers = {word: len(self.vocabulary) + index for index, word in enumerate(said)}
        by_number = {numbers[word]: phonemes for word, phonemes in said.items()}
        model = copy(self)
        model.vocabulary = (*self.vocabulary, *said)
        model.lexicon = ChainMap(said, cast(dict[str, bytes], self.lexicon))
        model.pronunciations = extend_pronunciations(
            self.pronunciations, by_number, self.arrays.unknown_log_prob
        )
        model._word_ids = ChainMap(numbers, cast(dict[str, int], self._word_ids))
        return model

    def score(self, state: NDArray[np.int32], word: str) -> tuple[float, NDArray[np.int32]]:
        """Natural log-probability of `word` after `state`, and the state after it.

        All words that it does not know have, together, the probability that this gives one.
        """
        after = np.empty_like(state)
        return float(score_word(self.arrays.ngrams, state, self.word_id(word), after)), after


@dataclass(frozen=True, slots=True)
class ShallowFusion:
    """A language model added to the acoustic score when a word is complete.

    score(text) = ln P_ctc(text) + sum of (lm_weight * ln P_lm(word | words before) + word_bonus)

    The bonus makes up for what each word costs in ln P_lm, which favours few words.
    (Hannun et al. 2014, "First-pass large vocabulary continuous speech recognition using
    bi-directional recurrent DNNs", equation 2, written as logarithms.)

    A word that the model does not know is spelled: its ln P_lm is that of unknown words, plus
    `oov_letter_log_prob` for every letter.
    """

    language_model: LanguageModel
    lm_weight: float
    word_bonus: float
    oov_letter_log_prob: float = OOV_LETTER_LOG_PROB

    def score(self, state: NDArray[np.int32], word: str) -> tuple[float, NDArray[np.int32]]:
        """What completing `word` adds to the score, and the language model's state after it."""
        log_prob, next_state = self.language_model.score(state, word)
        if not self.language_model.knows(word):
            log_prob += self.oov_letter_log_prob * len(word)
        return self.lm_weight * log_prob + self.word_bonus, next_state


def load_language_model(
    path: Path,
    symbols: Sequence[str],
    lexicon: Lexicon = MappingProxyType({}),
    num_phonemes: int = 0,
    rules: Rules = MappingProxyType({}),
) -> LanguageModel:
    """Read a model's file; the other arguments are those of `LanguageModel`.

    Raises:
        InvalidBundle: it is missing or damaged, or has letters that are not among the symbols.
    """
    try:
        return LanguageModel(read_ngram_file(path), symbols, lexicon, num_phonemes, rules)
    except (OSError, InvalidNgramFile, ValueError) as error:
        raise InvalidBundle(f"the language model cannot be used: {error}") from error


def indifferent_model(
    words: Sequence[str] = (),
    symbols: Sequence[str] = (),
    lexicon: Lexicon = MappingProxyType({}),
    num_phonemes: int = 0,
) -> LanguageModel:
    """A model that finds every text certain and knows these words; see `LanguageModel`."""
    vocabulary = (*SPECIAL_WORDS, *words)
    num_words = len(vocabulary)
    trie = NgramTrie(
        vocabulary=vocabulary,
        num_ngrams=(num_words,),
        first_child=np.full(1, num_words, np.int32),
        word_ids=np.arange(num_words, dtype=np.uint16),
        log_prob_codes=np.zeros(num_words, np.uint8),
        backoff_codes=np.zeros(0, np.uint8),
        codebooks=np.zeros((1, 2, 256), np.float32),
    )
    return LanguageModel(trie, symbols, lexicon, num_phonemes)


def _spelled(
    vocabulary: Sequence[str], log_probs: NDArray[np.float64], symbols: Sequence[str]
) -> Trie:
    """The trie of the words' letters."""
    words = vocabulary[len(SPECIAL_WORDS) :]
    labels = _labels("".join(words), symbols)
    lengths = np.fromiter(map(len, words), np.intp, len(words))
    letters, _ = build_long_trie(labels, lengths, log_probs[len(SPECIAL_WORDS) :])
    letters["end"][letters["end"] != NOWHERE] += len(SPECIAL_WORDS)
    return letters


def _labels(text: str, symbols: Sequence[str]) -> NDArray[np.int32]:
    """[N] the symbols that spell a text."""
    index = {symbol: number for number, symbol in enumerate(symbols)}
    letters = sorted(set(text))
    by_code_point = np.zeros(1 + max(map(ord, letters), default=0), np.int32)
    for letter in letters:
        if letter not in index:
            raise ValueError(f"it has words with {letter!r}, which the acoustic model has not")
        by_code_point[ord(letter)] = index[letter]
    code_points = np.frombuffer(text.encode("utf-32-le"), "<u4")
    return by_code_point.take(code_points)
