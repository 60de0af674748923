"""What Vosk's clients get: JSON in vosk-server's shapes. Pure functions."""

import heapq
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import reduce
from typing import Any

from service.api.vosk.messages import VoskConfig
from service.engine.transcript import Segment, TimedWord

_NO_READING_CONFIDENCE = 1.0  # Vosk's, where nothing was said


@dataclass(frozen=True, slots=True)
class _Reading:
    """One way to read what was said."""

    score: float = 0.0  # natural logarithm
    words: tuple[TimedWord, ...] = ()

    def __add__(self, later: "_Reading") -> "_Reading":
        return _Reading(self.score + later.score, self.words + later.words)


def partial_reply(text: str) -> str:
    """What the utterance in progress reads like so far."""
    return _dumped({"partial": text})


def result_reply(segments: Sequence[Segment], config: VoskConfig, offset_s: float) -> str:
    """The utterances that have ended, as one result: Vosk gives at most one a message.

    Args:
        offset_s: where the segments' stream began, from the start of the connection.
    """
    if config.max_alternatives:
        return _dumped({"alternatives": _alternatives(segments, config, offset_s)})
    words = [word for segment in segments for word in segment.words]
    fields: dict[str, Any] = {"text": _text(words)}
    if config.words and words:
        fields["result"] = [
            _word(word, offset_s) | {"conf": round(word.confidence, 6)} for word in words
        ]
    return _dumped(fields)


def _alternatives(
    segments: Sequence[Segment], config: VoskConfig, offset_s: float
) -> list[dict[str, Any]]:
    if not segments:
        return [{"text": "", "confidence": _NO_READING_CONFIDENCE}]
    alternatives = []
    for reading in _joined(segments, config.nbest):
        fields = {"text": _text(reading.words), "confidence": reading.score}
        if config.words and reading.words:
            fields["result"] = [_word(word, offset_s) for word in reading.words]
        alternatives.append(fields)
    return alternatives


def _joined(segments: Iterable[Segment], nbest: int) -> list[_Reading]:
    """The best readings of all segments together, best first.

    With the i-th best start go the `nbest // i` best ends only: any other pair is behind at least
    `nbest` pairs of a better start and a better end.
    """

    def extended(starts: list[_Reading], segment: Segment) -> list[_Reading]:
        ends = _readings(segment)
        pairs = (
            start + end
            for number, start in enumerate(starts, start=1)
            for end in ends[: nbest // number]
        )
        return heapq.nlargest(nbest, pairs, key=lambda reading: reading.score)

    return reduce(extended, segments, [_Reading()])


def _readings(segment: Segment) -> list[_Reading]:
    others = [_Reading(other.score, other.words) for other in segment.alternatives]
    return [_Reading(segment.score, segment.words), *others]


def _text(words: Iterable[TimedWord]) -> str:
    return " ".join(word.text for word in words)


def _word(word: TimedWord, offset_s: float) -> dict[str, Any]:
    return {
        "word": word.text,
        "start": round(offset_s + word.start_s, 6),
        "end": round(offset_s + word.end_s, 6),
    }


def _dumped(fields: dict[str, Any]) -> str:
    """JSON laid out as Vosk lays it out: some clients compare text."""
    return json.dumps(fields, ensure_ascii=False, indent=2, separators=(",", " : "), sort_keys=True)
