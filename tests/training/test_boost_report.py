"""The report on boosting: which words are rare, and what is found of them at what cost."""

import numpy as np

from scripts.boost_report import Decoded, as_line, rarest
from service.engine.language_model import LanguageModel
from tests.engine.ngram_samples import ngram_trie
from tests.fakes import VOCABULARY
from training.score import word_errors

LANGUAGE_MODEL = LanguageModel(
    ngram_trie({("<unk>",): 1e-3, ("the",): 0.4, ("cat",): 1e-4, ("dog",): 1e-6}), VOCABULARY
)


def test_the_rarest_words_come_first_and_unknown_ones_before_them() -> None:
    words = {"the", "cat", "dog", "zebra"}
    assert rarest(LANGUAGE_MODEL, words, np.log(1e-3)) == ["zebra", "dog", "cat"]
    assert rarest(LANGUAGE_MODEL, words, np.log(1e-5)) == ["zebra", "dog"]


def test_utterances_with_and_without_rare_words_are_told_apart() -> None:
    decoded = [
        Decoded(2, 1, word_errors("zebra dog", "zebra log")),
        Decoded(0, 0, word_errors("the cat sat there", "the cat sat")),
    ]
    assert as_line(1.5, decoded).split() == ["1.50", "1/2", "50.00%", "25.00%"]
