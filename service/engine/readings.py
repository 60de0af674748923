"""From the beams that are left at the end to n-best readings and how sure their words are."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from service.engine.decoding import Word


class Reading(NamedTuple):
    """One beam as words."""

    words: tuple[Word, ...]  # confidence: the acoustic model's opinion of each
    score: float  # natural log
    viterbi: float  # natural log-probability of the path that the words' times come from


def best_readings(readings: Sequence[Reading], nbest: int) -> list[Reading]:
    """The best texts, each once, with their words' confidences weighed by the other readings.

    A word's confidence is the acoustic one times its support: the posterior mass of the readings
    that have the same word at the same time. The first says how clearly its letters are heard, the
    second how few other readings fit. Readings outside the beam count for nothing, so the support
    is too high, the more the narrower the beam; a calibration has to correct for that.
    """
    ranked = sorted(_merged(readings), key=lambda reading: reading.score, reverse=True)
    total = float(np.logaddexp.reduce([reading.score for reading in ranked]))
    occurrences: defaultdict[str, list[tuple[Word, float]]] = defaultdict(list)
    for reading in ranked:
        share = math.exp(reading.score - total)
        for word in reading.words:
            occurrences[word.text].append((word, share))
    return [
        reading._replace(words=tuple(_weighed(w, occurrences[w.text]) for w in reading.words))
        for reading in ranked[:nbest]
    ]


def _merged(readings: Sequence[Reading]) -> list[Reading]:
    """One reading a text: beams that end before and after a last space spell the same words.

    Their probabilities add up; the words' times are those of the better path.
    """
    by_text: dict[tuple[str, ...], Reading] = {}
    for reading in readings:
        text = tuple(word.text for word in reading.words)
        same = by_text.setdefault(text, reading)
        if same is not reading:
            better = max(reading, same, key=lambda r: r.viterbi)
            score = float(np.logaddexp(reading.score, same.score))
            by_text[text] = better._replace(score=score)
    return list(by_text.values())


def _weighed(word: Word, occurrences: Sequence[tuple[Word, float]]) -> Word:
    """The word with its confidence times the share of readings that have it too."""
    support = sum(
        share
        for other, share in occurrences
        if other.start_frame < word.end_frame and word.start_frame < other.end_frame
    )
    return replace(word, confidence=word.confidence * min(support, 1.0))
