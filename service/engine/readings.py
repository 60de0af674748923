"""From the beams that are left at the end to n-best readings and how sure their words are."""

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import NamedTuple, TypeAlias

import numpy as np

from service.engine.decoding import Word

_Extent: TypeAlias = tuple[int, int]
"""A word's first frame, and the one after its last."""


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
    masses = _masses(ranked)

    @cache  # hundreds of readings have most of their words in common
    def weighed(word: Word) -> Word:
        return _weighed(word, masses[word.text])

    return [
        reading._replace(words=tuple(map(weighed, reading.words))) for reading in ranked[:nbest]
    ]


def _masses(readings: Sequence[Reading]) -> Mapping[str, Mapping[_Extent, float]]:
    """The posterior mass of the readings that have a word, by its text and when it is said."""
    total = float(np.logaddexp.reduce([reading.score for reading in readings]))
    masses: defaultdict[str, defaultdict[_Extent, float]] = defaultdict(lambda: defaultdict(float))
    for reading in readings:
        share = math.exp(reading.score - total)
        for word in reading.words:
            masses[word.text][word.start_frame, word.end_frame] += share
    return masses


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


def _weighed(word: Word, masses: Mapping[_Extent, float]) -> Word:
    """The word with its confidence times the mass of the readings that have it then too."""
    support = sum(
        mass
        for (start, end), mass in masses.items()
        if start < word.end_frame and word.start_frame < end
    )
    return replace(word, confidence=word.confidence * min(support, 1.0))
