"""Counting, estimation and pruning, against the definitions written out plainly."""

import math
from collections import Counter
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.engine.language_model import LanguageModel
from service.engine.ngram_file import BEGIN_ID
from training.kneser_ney import Estimates, discounts, estimate
from training.language_model_text import Source, Tokens, read_tokens
from training.ngram_counts import count_ngrams
from training.ngram_pruning import losses, prune
from training.ngram_quantisation import to_trie
from training.text import VOCABULARY

Ngram = tuple[str, ...]
ORDER = 3
TEXT = ["the cat sat", "the cat ran", "a dog sat", "the dog", "a cat", "sat sat the cat sat"]


def tokens_of(folder: Path, texts: dict[str, tuple[list[str], float]]) -> Tokens:
    sources = []
    for name, (lines, weight) in texts.items():
        path = folder / f"{name}.txt"
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        sources.append(Source((path,), weight))
    return read_tokens(sources, vocabulary_size=100, min_count=1)


class PlainKneserNey:
    """Interpolated modified Kneser-Ney of one source in dictionaries, as its formulas are."""

    def __init__(self, lines: list[str], vocabulary: tuple[str, ...]) -> None:
        self._num_words = len(vocabulary) - 1
        sentences = [("<s>", *line.split(), "</s>") for line in lines]
        self.counts: list[Counter[Ngram]] = [Counter() for _ in range(ORDER + 1)]
        for sentence in sentences:
            for length in range(1, ORDER + 1):
                for first in range(len(sentence) - length + 1):
                    self.counts[length][sentence[first : first + length]] += 1
        self.adjusted = [self._adjusted(length) for length in range(ORDER + 1)]
        self._discounts = [
            discounts(np.array([*counts.values()], np.int64)) for counts in self.adjusted
        ]

    def _adjusted(self, length: int) -> Counter[Ngram]:
        counts = self.counts[length]
        if length in (0, ORDER):
            return counts
        longer = Counter(ngram[1:] for ngram in self.counts[length + 1])
        adjusted = {n: counts[n] if n[0] == "<s>" else longer[n] for n in counts}
        return Counter({n: c for n, c in adjusted.items() if n != ("<s>",)})

    @cache  # noqa: B019 the object lives as long as its test
    def probability(self, context: Ngram, word: str) -> float:
        length = len(context) + 1
        seen = {n: c for n, c in self.adjusted[length].items() if n[:-1] == context}
        lower = self.probability(context[1:], word) if context else 1 / self._num_words
        if not seen:
            return lower
        taken = {n: self._discounts[length][min(c, 3)] for n, c in seen.items()}
        ngram = (*context, word)
        kept = seen.get(ngram, 0) - taken.get(ngram, 0.0)
        return float((kept + sum(taken.values()) * lower) / sum(seen.values()))


def probability(model: LanguageModel, context: Ngram, word: str) -> float:
    state = model.start()
    if context[:1] != ("<s>",):
        state[:] = -1
    for before in context:
        if before != "<s>":
            _, state = model.score(state, before)
    return math.exp(model.score(state, word)[0])


def model_of(tokens: Tokens, orders: list[Estimates]) -> LanguageModel:
    return LanguageModel(to_trie(tokens.vocabulary, orders), VOCABULARY)


def contexts_of(tokens: Tokens) -> list[Ngram]:
    words = [word for word in tokens.vocabulary if word not in ("<s>", "</s>")]
    starts = [("<s>",), *((word,) for word in words)]
    return [(), *starts, *((a, b) for (a,), b in product(starts, words))]


def test_estimates_are_those_of_the_formulas(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, {"one": (TEXT, 1.0)})
    model = model_of(tokens, estimate(count_ngrams(tokens, ORDER), tokens.weights))
    plain = PlainKneserNey(TEXT, tokens.vocabulary)
    for context, word in product(contexts_of(tokens), tokens.vocabulary[1:]):
        if word not in ("</s>", "<unk>"):  # which `score` takes for unknown words
            expected = plain.probability(context, word)
            assert probability(model, context, word) == pytest.approx(expected, rel=1e-5)


def test_a_unigram_by_hand(tmp_path: Path) -> None:
    """Of the pairs, "cat" ends 2 different ones; with too few counts to tell, D is a half."""
    tokens = tokens_of(tmp_path, {"one": (["a cat", "the cat"], 1.0)})
    (unigrams, *_) = estimate(count_ngrams(tokens, 2), tokens.weights)
    # Pairs: <s> a, a cat, cat </s>, <s> the, the cat: five; four words after them, each less D.
    mass, uniform = 4 * 0.5 / 5, 1 / 5
    cat = tokens.vocabulary.index("cat")
    assert unigrams.probability[cat] == pytest.approx((2 - 0.5) / 5 + mass * uniform)
    assert unigrams.probability[BEGIN_ID] == 0
    assert unigrams.probability.sum() == pytest.approx(1)


def test_sources_are_weighed(tmp_path: Path) -> None:
    """A source of weight w predicts as if it were the only one where others have no say."""
    texts = {"books": (TEXT, 1.0), "talk": (["please ring me", "ring the cat"], 4.0)}
    tokens = tokens_of(tmp_path, texts)
    counts = count_ngrams(tokens, ORDER)
    light, heavy = (model_of(tokens, estimate(counts, (1.0, w))) for w in (0.1, 50.0))
    assert probability(heavy, ("the",), "cat") != probability(light, ("the",), "cat")
    assert probability(heavy, ("<s>",), "ring") > 0.2 > probability(light, ("<s>",), "ring")


lines = st.lists(
    st.lists(st.sampled_from("abcd"), min_size=1, max_size=6).map(" ".join), min_size=1
)


@settings(deadline=None, max_examples=25)
@given(first=lines, second=lines, kept=st.integers(0, 40))
def test_every_context_sums_to_one(
    tmp_path_factory: pytest.TempPathFactory, first: list[str], second: list[str], kept: int
) -> None:
    folder = tmp_path_factory.mktemp("text")
    tokens = tokens_of(folder, {"first": (first, 1.0), "second": (second, 2.5)})
    orders = estimate(count_ngrams(tokens, ORDER), tokens.weights)
    for estimates in (orders, prune(orders, losses(orders), kept)):
        _assert_sums_to_one(tokens, estimates)


def _assert_sums_to_one(tokens: Tokens, orders: list[Estimates]) -> None:
    """With the model as it is, not quantised: n-grams as dictionaries, words by number."""
    ngrams: list[tuple[int, ...]] = [()]
    table: dict[tuple[int, ...], tuple[float, float]] = {}
    for order in orders:
        pairs = zip(order.context.tolist(), order.word.tolist(), strict=True)
        ngrams = [(*ngrams[context], word) for context, word in pairs]
        values = zip(order.probability.tolist(), order.backoff.tolist(), strict=True)
        table |= dict(zip(ngrams, values, strict=True))

    def score(ngram: tuple[int, ...]) -> float:
        if ngram in table:
            return table[ngram][0]
        return table.get(ngram[:-1], (0.0, 1.0))[1] * score(ngram[1:])

    words = range(len(tokens.vocabulary))
    for context in [ngram for ngram in table if len(ngram) < ORDER and ngram[-1] != 1]:
        total = sum(score((*context, word)) for word in words if word != BEGIN_ID)
        assert total == pytest.approx(1, abs=1e-6)


def test_pruning_keeps_what_predicts_best(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, {"one": (["a b"] * 30 + ["a c"] + ["c a", "b a", "c d"], 1.0)})
    orders = estimate(count_ngrams(tokens, 2), tokens.weights)
    (_, pairs) = prune(orders, losses(orders), 3)
    ids = zip(pairs.context.tolist(), pairs.word.tolist(), strict=True)
    kept = {(tokens.vocabulary[context], tokens.vocabulary[word]) for context, word in ids}
    assert ("a", "b") in kept
    assert 3 <= len(kept) < len(orders[1].word)


def test_a_context_stays_for_its_longer_ngrams(tmp_path: Path) -> None:
    tokens = tokens_of(tmp_path, {"one": (TEXT * 3, 1.0)})
    orders = estimate(count_ngrams(tokens, ORDER), tokens.weights)
    for kept in range(1, 30, 4):
        _, pairs, triples = prune(orders, losses(orders), kept)
        assert (triples.context < len(pairs.word)).all()
        assert (triples.context >= 0).all()


def test_words_that_are_rare_are_unknown(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_text("Mr. Smith saw Jones. Smith ran. Jones sat; smith, jones!\n", encoding="utf-8")
    tokens = read_tokens([Source((path,), 1.0)], vocabulary_size=10, min_count=2)
    assert set(tokens.vocabulary[3:]) == {"smith", "jones"}
    assert (tokens.ids == BEGIN_ID).sum() == 3  # sentences; the title's full stop ends none
