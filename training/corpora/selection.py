"""Which of the recordings that corpora list can be learned from, and why the others cannot."""

import math
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise
from pathlib import Path

from training.corpora.candidate import Candidate
from training.corpora.duration import UnreadableAudio, audio_duration_s
from training.corpora.limits import Limits
from training.manifest import Utterance
from training.text import normalise, unspoken


class Cause(StrEnum):
    """Why a recording is left out."""

    MISSING = "missing"  # the file is not there
    UNREADABLE = "unreadable"  # its header cannot be read
    EMPTY_TEXT = "empty text"  # nothing is left after normalisation
    UNSPOKEN_TEXT = "unnormalisable text"  # it holds what has no spoken form
    TOO_SHORT = "too short"
    TOO_LONG = "too long"
    IMPOSSIBLE = "more symbols than frames"  # CTC has no path that puts out the text in time


@dataclass(frozen=True, slots=True)
class Rejection:
    """A recording that is left out."""

    audio: Path
    corpus: str
    cause: Cause
    detail: str


@dataclass(frozen=True, slots=True)
class Selection:
    """The recordings to learn from and the others, both in the corpora's order."""

    utterances: tuple[Utterance, ...]
    rejections: tuple[Rejection, ...]

    def counts_by_cause(self) -> Mapping[Cause, int]:
        """How many were left out for every cause, zeros included."""
        counts = Counter(rejection.cause for rejection in self.rejections)
        return {cause: counts[cause] for cause in Cause}


def select(candidates: Iterable[Candidate], limits: Limits) -> Selection:
    """Look at every candidate's text and audio header and sort the candidates by it."""
    utterances, rejections = [], []
    for outcome in _judged(candidates, limits):
        if isinstance(outcome, Utterance):
            utterances.append(outcome)
        else:
            rejections.append(outcome)
    return Selection(tuple(utterances), tuple(rejections))


def required_frames(text: str) -> int:
    """Output frames that CTC needs for `text`: one a symbol, and a blank between equal ones."""
    return len(text) + sum(left == right for left, right in pairwise(text))


def _judged(candidates: Iterable[Candidate], limits: Limits) -> Iterator[Utterance | Rejection]:
    for candidate in candidates:
        try:
            yield _accept(candidate, limits)
        except _Refusal as refusal:
            cause, detail = refusal.cause, refusal.detail
            yield Rejection(candidate.audio, candidate.corpus, cause, detail)


class _Refusal(Exception):
    def __init__(self, cause: Cause, detail: str) -> None:
        super().__init__(cause, detail)
        self.cause = cause
        self.detail = detail


def _accept(candidate: Candidate, limits: Limits) -> Utterance:
    text = _accepted_text(candidate.raw_text)
    duration_s = _accepted_duration_s(candidate.audio, limits)
    num_frames = math.ceil(duration_s / limits.frame_s)
    if required_frames(text) > num_frames:
        detail = f"{required_frames(text)} needed, {num_frames} in {duration_s:.2f} s"
        raise _Refusal(Cause.IMPOSSIBLE, detail)
    return Utterance(
        audio=candidate.audio,
        duration_s=duration_s,
        text=text,
        raw_text=candidate.raw_text,
        corpus=candidate.corpus,
        speaker=candidate.speaker,
        split=candidate.split,
    )


def _accepted_text(raw_text: str) -> str:
    lost = unspoken(raw_text)
    if lost:
        raise _Refusal(Cause.UNSPOKEN_TEXT, f"{' '.join(sorted(lost))} in {raw_text!r}")
    text = normalise(raw_text)
    if not text:
        raise _Refusal(Cause.EMPTY_TEXT, repr(raw_text))
    return text


def _accepted_duration_s(audio: Path, limits: Limits) -> float:
    if not audio.is_file():
        raise _Refusal(Cause.MISSING, "no such file")
    try:
        duration_s = audio_duration_s(audio)
    except UnreadableAudio as error:
        raise _Refusal(Cause.UNREADABLE, str(error)) from error
    if duration_s < limits.min_duration_s:
        raise _Refusal(Cause.TOO_SHORT, f"{duration_s:.3f} s")
    if duration_s > limits.max_duration_s:
        raise _Refusal(Cause.TOO_LONG, f"{duration_s:.1f} s")
    return duration_s
