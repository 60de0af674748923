"""How well a language model predicts transcripts."""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from service.engine.language_model import LanguageModel
from training.manifest import Utterance


@dataclass(frozen=True, slots=True)
class Perplexity:
    """Of a model on some text. Sentence ends are not predicted, as decoding does not either."""

    perplexity: float  # of the words that the model knows
    num_words: int
    num_unknown: int

    @property
    def oov_rate(self) -> float:
        """Share of words that the model does not know."""
        return self.num_unknown / self.num_words if self.num_words else 0.0


def perplexity(model: LanguageModel, texts: Iterable[str]) -> Perplexity:
    """The model's perplexity on normalised texts."""
    total, num_words, num_unknown = 0.0, 0, 0
    for text in texts:
        state = model.start()
        for word in text.split():
            log_prob, state = model.score(state, word)
            num_words += 1
            if model.knows(word):
                total += log_prob
            else:
                num_unknown += 1
    num_known = num_words - num_unknown
    value = math.exp(-total / num_known) if num_known else math.nan
    return Perplexity(value, num_words, num_unknown)


def perplexities(model: LanguageModel, utterances: Sequence[Utterance]) -> dict[str, Perplexity]:
    """By corpus."""
    texts: defaultdict[str, list[str]] = defaultdict(list)
    for utterance in utterances:
        texts[utterance.corpus].append(utterance.text)
    return {corpus: perplexity(model, texts[corpus]) for corpus in sorted(texts)}
