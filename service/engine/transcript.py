"""What was said, as plain values and as text. Subtitles are in `subtitles.py`.

Everything here is a value or a pure function; times are seconds from the start of the audio.
"""

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word and where it was said."""

    text: str
    start_s: float
    end_s: float
    confidence: float  # in [0, 1]


@dataclass(frozen=True, slots=True)
class Alternative:
    """Another reading of a segment, as the decoder ranked it."""

    text: str
    score: float  # natural logarithm
    words: tuple[TimedWord, ...] = ()


@dataclass(frozen=True, slots=True)
class Segment:
    """Speech between two silences. It has no words where nothing was recognised."""

    text: str
    words: tuple[TimedWord, ...]
    start_s: float
    end_s: float
    alternatives: tuple[Alternative, ...] = ()  # best first, without the reading that `text` is
    score: float = 0.0  # natural logarithm, that the decoder ranked it by
    channel: int | None = None  # from 0, where the channels were recognised separately
    is_cut: bool = False  # whether it ends for its length or on demand, not where speech paused

    @property
    def confidence(self) -> float:
        """Mean confidence of the words, in [0, 1]; 0 without words."""
        if not self.words:
            return 0.0
        return sum(word.confidence for word in self.words) / len(self.words)

    def within(self, duration_s: float) -> "Segment":
        """The same, but not longer than the audio, whose last frame is partly padding."""
        return replace(
            self,
            words=_words_within(self.words, duration_s),
            end_s=min(self.end_s, duration_s),
            alternatives=tuple(
                replace(other, words=_words_within(other.words, duration_s))
                for other in self.alternatives
            ),
        )


def _words_within(words: tuple[TimedWord, ...], duration_s: float) -> tuple[TimedWord, ...]:
    return tuple(
        replace(word, end_s=duration_s) if word.end_s > duration_s else word for word in words
    )


@dataclass(frozen=True, slots=True)
class Timings:
    """Where a stream's time went, in seconds, summed over its steps."""

    queued_s: float = 0.0
    run_s: float = 0.0  # in the acoustic model
    decode_s: float = 0.0  # in the CTC decoder

    def __add__(self, other: "Timings") -> "Timings":
        return Timings(
            self.queued_s + other.queued_s,
            self.run_s + other.run_s,
            self.decode_s + other.decode_s,
        )


@dataclass(frozen=True, slots=True)
class Transcript:
    """All that was recognised in one piece of audio."""

    segments: tuple[Segment, ...]
    duration_s: float  # of the audio that was decoded, which is less than its header may claim
    timings: Timings = Timings()

    @property
    def text(self) -> str:
        return " ".join(segment.text for segment in self.segments if segment.text)

    @property
    def words(self) -> tuple[TimedWord, ...]:
        return tuple(word for segment in self.segments for word in segment.words)


def to_text(transcript: Transcript) -> str:
    """The text, ended by a line feed; where channels are separate, a labelled line a segment."""
    if all(segment.channel is None for segment in transcript.segments):
        return transcript.text + "\n"
    return "".join(f"[{segment.channel}] {segment.text}\n" for segment in transcript.segments)
