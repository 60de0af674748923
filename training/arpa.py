"""Writing a language model in the ARPA format, for other programs to read."""

import math
from collections.abc import Sequence
from pathlib import Path

from training.kneser_ney import Estimates

_NOTHING = -99.0  # how the format writes the logarithm of zero


def write_arpa(path: Path, vocabulary: Sequence[str], orders: Sequence[Estimates]) -> None:
    """Write the model of these n-grams, not quantised. Raises OSError."""
    contexts = [""]
    with path.open("w", encoding="utf-8") as file:
        counts = [f"ngram {length}={len(o.word)}" for length, o in enumerate(orders, start=1)]
        file.write("\n".join(["\\data\\", *counts, ""]))
        for length, order in enumerate(orders, start=1):
            words = [vocabulary[word] for word in order.word.tolist()]
            texts = [
                f"{contexts[context]}{word}"
                for context, word in zip(order.context.tolist(), words, strict=True)
            ]
            file.write(f"\n\\{length}-grams:\n")
            rows = zip(order.probability.tolist(), texts, order.backoff.tolist(), strict=True)
            has_backoff = length < len(orders)
            file.writelines(_line(row, has_backoff) for row in rows)
            contexts = [f"{text} " for text in texts]
        file.write("\n\\end\\\n")


def _line(row: tuple[float, str, float], has_backoff: bool) -> str:
    probability, text, backoff = row
    line = f"{_log10(probability):.6f}\t{text}"
    return f"{line}\t{_log10(backoff):.6f}\n" if has_backoff else f"{line}\n"


def _log10(value: float) -> float:
    return math.log10(value) if value > 0 else _NOTHING
