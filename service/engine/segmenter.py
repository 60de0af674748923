"""From a stream's frames to its utterances: endpointing and decoding, in step."""

from dataclasses import dataclass
from typing import Generic, TypeVar

from service.engine.calibration import UNCALIBRATED, Calibration
from service.engine.decoding import CtcDecoder, Hypothesis
from service.engine.endpointing import Endpointer, EndpointState
from service.engine.events import Partial
from service.engine.frames import Frames
from service.engine.framing import Framing
from service.engine.transcript import Alternative, Segment, TimedWord

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class SegmenterState(Generic[S]):
    """Where a stream stands."""

    decoder: S
    endpoint: EndpointState
    first_frame: int = 0  # of the utterance in progress
    num_frames: int = 0  # taken in so far


class Segmenter(Generic[S]):
    """Shared and immutable; all that changes is in its state.

    Args:
        decoder: reads each utterance from its start.
        endpointer: says where utterances end.
        framing: the time grid of the frames.
        nbest: how many readings of an utterance to give, its text included.
        calibration: of words' confidences.
    """

    def __init__(
        self,
        decoder: CtcDecoder[S],
        endpointer: Endpointer,
        framing: Framing,
        nbest: int,
        calibration: Calibration = UNCALIBRATED,
    ) -> None:
        self._decoder = decoder
        self._endpointer = endpointer
        self._framing = framing
        self._nbest = nbest
        self._calibration = calibration

    def start(self) -> SegmenterState[S]:
        """The state before a stream's first frame."""
        return SegmenterState(self._decoder.start(), EndpointState())

    def advance(
        self, state: SegmenterState[S], frames: Frames
    ) -> tuple[SegmenterState[S], list[Segment]]:
        """Take in frames.

        Returns:
            The new state and the utterances that ended, those without words left out. Any cutting
            of the frames gives the same utterances.
        """
        endpoint, ends = self._endpointer.advance(state.endpoint, frames.silent)
        segments: list[Segment] = []
        start = 0
        for end in ends:
            is_cut = not frames.silent[end - 1]
            state, ended_segments = self.finish(self._decode(state, frames[start:end]), is_cut)
            segments += ended_segments
            start = end
        state = self._decode(state, frames[start:] if start else frames)
        return SegmenterState(
            state.decoder, endpoint, state.first_frame, state.num_frames
        ), segments

    def partial(self, state: SegmenterState[S]) -> Partial:
        """The best reading so far of the utterance in progress."""
        hypothesis = self._decoder.partial(state.decoder)
        return Partial(hypothesis.text, hypothesis.stable, self._seconds(state.first_frame))

    def finish(
        self, state: SegmenterState[S], is_cut: bool = False
    ) -> tuple[SegmenterState[S], list[Segment]]:
        """End the utterance in progress; give it, unless it has no words.

        Args:
            is_cut: whether the speaker may not have come to an end.
        """
        best, *others = self._decoder.hypotheses(state.decoder)[: self._nbest]
        words = self._timed(best, state.first_frame)
        alternatives = tuple(
            Alternative(other.text, other.score, self._timed(other, state.first_frame))
            for other in others
        )
        next_state = SegmenterState(
            self._decoder.start(), EndpointState(), state.num_frames, state.num_frames
        )
        if not words:
            return next_state, []
        segment = Segment(
            best.text,
            words,
            words[0].start_s,
            words[-1].end_s,
            alternatives,
            score=best.score,
            is_cut=is_cut,
        )
        return next_state, [segment]

    def _decode(self, state: SegmenterState[S], frames: Frames) -> SegmenterState[S]:
        decoder = self._decoder.advance(state.decoder, frames)
        num_frames = state.num_frames + len(frames)
        return SegmenterState(decoder, state.endpoint, state.first_frame, num_frames)

    def _timed(self, hypothesis: Hypothesis, first_frame: int) -> tuple[TimedWord, ...]:
        """The words with times in seconds from the start of the stream, and fair confidences."""
        return tuple(
            TimedWord(
                word.text,
                self._seconds(first_frame + word.start_frame),
                self._seconds(first_frame + word.end_frame),
                self._calibration(word.confidence),
            )
            for word in hypothesis.words
        )

    def _seconds(self, frame: int) -> float:
        return frame * self._framing.samples_per_frame / self._framing.sample_rate
