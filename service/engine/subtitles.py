"""Subtitles: a transcript in pieces that can be read while they are shown, as SubRip and WebVTT.

The usual rules of subtitling, which broadcasters' guides agree on: at most two lines of 42
characters, shown for one to seven seconds. Pieces end where the speaker pauses; where nobody pauses
for too long, at the widest gap between words in the later half of what fits.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from service.engine.transcript import Segment, TimedWord, Transcript

LINE_LENGTH = 42  # characters
NUM_LINES = 2
MIN_CUE_S = 1.0
MAX_CUE_S = 7.0
PAUSE_S = 0.6  # between words: about what a full stop takes when read aloud

_LABEL_LENGTH = len("[0] ")


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown at once, and when."""

    lines: tuple[str, ...]
    start_s: float
    end_s: float

    @property
    def text(self) -> str:
        return "\n".join(self.lines)


def sentences(segments: Iterable[Segment]) -> list[Segment]:
    """Segments cut into sentence-like ones that each fit a cue, by their starts, all words kept.

    Words longer than a line are cut as well. Alternatives are of whole segments and left out.
    """
    pieces = (piece for segment in segments for piece in _cut(segment))
    return sorted(pieces, key=lambda piece: piece.start_s)


def to_cues(transcript: Transcript) -> list[Cue]:
    """The cues of a transcript by their starts; those of one channel do not overlap.

    A cue that would be gone too soon stays until the next one of its channel, or for `MIN_CUE_S`.
    Where channels were recognised separately, a cue begins with its channel's number: `[0]`.
    """
    next_start_s: dict[int | None, float] = {}
    cues = []
    for piece in reversed(sentences(transcript.segments)):
        end_s = max(piece.end_s, piece.start_s + MIN_CUE_S)
        end_s = min(end_s, piece.start_s + MAX_CUE_S, next_start_s.get(piece.channel, math.inf))
        next_start_s[piece.channel] = piece.start_s
        cues.append(Cue(_lines(piece), piece.start_s, end_s))
    return cues[::-1]


def to_srt(transcript: Transcript) -> str:
    """SubRip subtitles; empty where nothing was said."""
    return "\n".join(
        f"{number}\n{_span(cue, ',')}\n{cue.text}\n"
        for number, cue in enumerate(to_cues(transcript), start=1)
    )


def to_vtt(transcript: Transcript) -> str:
    """WebVTT subtitles."""
    cues = (f"{_span(cue, '.')}\n{_escaped(cue.text)}\n" for cue in to_cues(transcript))
    return "\n".join(["WEBVTT\n", *cues])


def _cut(segment: Segment) -> Iterator[Segment]:
    words = [piece for word in segment.words for piece in _within_a_line(word)]
    while words:
        num_words = _num_in_first(words, _label(segment))
        taken, words = tuple(words[:num_words]), words[num_words:]
        text = " ".join(word.text for word in taken)
        start_s, end_s = taken[0].start_s, taken[-1].end_s
        yield Segment(text, taken, start_s, end_s, channel=segment.channel)


def _within_a_line(word: TimedWord) -> Iterator[TimedWord]:
    """The word, or its pieces if it is longer than a line, which share its time."""
    limit = LINE_LENGTH - _LABEL_LENGTH
    if len(word.text) <= limit:
        yield word
        return
    second_a_letter = (word.end_s - word.start_s) / len(word.text)
    for begin in range(0, len(word.text), limit):
        text = word.text[begin : begin + limit]
        start_s = word.start_s + begin * second_a_letter
        yield replace(word, text=text, start_s=start_s, end_s=start_s + len(text) * second_a_letter)


def _num_in_first(words: Sequence[TimedWord], label: str) -> int:
    """How many of the leading words make the first piece; at least one."""
    num_fitting = _num_fitting(words, label)
    for num_words in range(1, num_fitting):
        lasts_long_enough = words[num_words].start_s - words[0].start_s >= MIN_CUE_S
        if lasts_long_enough and _pause_s(words, num_words) >= PAUSE_S:
            return num_words
    if num_fitting == len(words):
        return num_fitting
    later_half = range(num_fitting // 2 + 1, num_fitting + 1)
    return max(later_half, key=lambda num_words: (_pause_s(words, num_words), num_words))


def _num_fitting(words: Sequence[TimedWord], label: str) -> int:
    """How many of the leading words fit into the lines and the time of one cue; at least one."""
    num_full, length = 0, len(label)  # full lines, and characters in the open one
    for num_words, word in enumerate(words):
        if num_words and word.end_s - words[0].start_s > MAX_CUE_S:
            return num_words
        if length + bool(length) + len(word.text) > LINE_LENGTH:
            num_full, length = num_full + 1, 0
        if num_full == NUM_LINES:
            return num_words
        length += bool(length) + len(word.text)
    return len(words)


def _pause_s(words: Sequence[TimedWord], num_words: int) -> float:
    """The silence after the first `num_words` words, to the millisecond that cues are cut by."""
    return round(words[num_words].start_s - words[num_words - 1].end_s, 3)


def _lines(piece: Segment) -> tuple[str, ...]:
    """The text on one line if it fits, otherwise on two of nearly the same length."""
    texts = [word.text for word in piece.words]
    if label := _label(piece):
        texts.insert(0, label)
    if len(whole := " ".join(texts)) <= LINE_LENGTH:
        return (whole,)
    splits = ((" ".join(texts[:cut]), " ".join(texts[cut:])) for cut in range(1, len(texts)))
    return min(splits, key=lambda lines: max(map(len, lines)))


def _label(segment: Segment) -> str:
    return "" if segment.channel is None else f"[{segment.channel}]"


def _span(cue: Cue, decimal_sign: str) -> str:
    """When a cue is shown."""
    return f"{_clock(cue.start_s, decimal_sign)} --> {_clock(cue.end_s, decimal_sign)}"


def _clock(time_s: float, decimal_sign: str) -> str:
    """Seconds as HH:MM:SS and milliseconds. Hours may have more than two digits."""
    minutes, milliseconds = divmod(round(time_s * 1000), 60_000)
    hours, minutes = divmod(minutes, 60)
    seconds, milliseconds = divmod(milliseconds, 1000)
    return f"{hours:02}:{minutes:02}:{seconds:02}{decimal_sign}{milliseconds:03}"


def _escaped(text: str) -> str:
    """Text that WebVTT takes for text: it has tags and entities of its own."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
