"""One source of speech: audio in, events out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from service.engine.acoustic import State
from service.engine.chunking import Chunk, Chunker
from service.engine.errors import InvalidAudio, StreamClosed
from service.engine.events import Event, Final, Partial
from service.engine.frames import Frames
from service.engine.scheduler import Seat
from service.engine.segmenter import Segmenter, SegmenterState
from service.engine.steps import Step, Stepped
from service.engine.transcript import Segment, Timings

T = TypeVar("T")

NOTHING_SHOWN = Partial(text="", stable="", start_s=0.0)


@dataclass(frozen=True, slots=True)
class _Heard:
    """What decoding has brought."""

    state: SegmenterState[Any]
    segments: list[Segment]  # utterances that have ended
    newest: Partial  # reading of the one in progress
    decode_s: float


class RunDecoding(Protocol):
    """Where decoding runs: at once if it is quick, else off the event loop."""

    async def __call__(self, function: Callable[[], T]) -> T: ...


@dataclass(frozen=True, slots=True)
class StreamParts:
    """What a stream is composed of."""

    sample_rate: int  # Hz
    initial_state: State
    chunker: Chunker
    segmenter: Segmenter[Any]
    run_decoding: RunDecoding
    listens_in_batch: bool  # whether what a step brings is decoded by the thread that ran it
    wants_partials: bool
    rewrite: Callable[[Segment], Segment]  # gives an utterance that has ended its final form


class Stream:
    """What one caller says, recognised while it is said. Owned by one task.

    An error or a cancellation in `accept` or `finish` closes the stream.
    """

    def __init__(self, parts: StreamParts, seat: Seat[Step, Stepped]) -> None:
        self._parts = parts
        self._seat = seat
        self._model_state = parts.initial_state
        self._segmenter_state = parts.segmenter.start()
        self._newest = NOTHING_SHOWN  # reading of the utterance in progress
        self._shown = NOTHING_SHOWN  # the last one that was told
        self._closed = False
        self._timings = Timings()

    @property
    def timings(self) -> Timings:
        """Where this stream's time went so far."""
        return self._timings

    @property
    def duration_s(self) -> float:
        """Seconds of audio accepted so far."""
        return self._parts.chunker.num_samples / self._parts.sample_rate

    async def accept(self, waveform: NDArray[np.float32], is_checked: bool = False) -> list[Event]:
        """Take in samples [n], mono, at the model's rate, clipped to [-1, 1]; n is any number.

        It returns when the steps that these samples complete have run: this is the back-pressure.

        Args:
            is_checked: all samples are known to lie in [-1, 1], and nobody else changes the array.

        Returns:
            The utterances that have ended, then a partial if there is news of the one in progress.

        Raises:
            InvalidAudio: a sample is not a finite number.
            StreamClosed: the stream is finished or closed.
        """
        self._check_open()
        try:
            self._parts.chunker.push(waveform if is_checked else _validated(waveform))
            self._seat.note_audio(len(waveform))
            before = self._segmenter_state
            events = await self._run_steps()
            return events if self._segmenter_state is before else events + self._news()
        except BaseException:
            self.close()
            raise

    async def finalize(self) -> list[Event]:
        """End the utterance in progress here, after all that was accepted; the stream goes on.

        The last frames need audio behind them: as at the end of a stream the model is shown zeros,
        but in a step that does not count. What comes later is heard as if nothing had happened.

        Raises:
            StreamClosed: the stream is finished or closed.
        """
        self._check_open()
        try:
            chunker, before = self._parts.chunker, self._model_state
            unheard = self._segmenter_state.num_frames < chunker.num_frames
            events = await self._step(chunker.rest()) if unheard else []
            self._model_state = before
            return await self._ended(events, is_cut=True)
        except BaseException:
            self.close()
            raise

    async def finish(self) -> list[Event]:
        """Flush what has been accepted, end the last utterance and close the stream.

        Raises:
            StreamClosed: the stream is finished or closed.
        """
        self._check_open()
        with self:
            self._parts.chunker.finish()
            return await self._ended(await self._run_steps(), is_cut=False)

    def close(self) -> None:
        """Give the stream up and drop its queued steps. Closing twice does nothing."""
        self._closed = True
        self._seat.close()

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _check_open(self) -> None:
        if self._closed:
            raise StreamClosed("the stream is finished or closed; open another one")

    async def _ended(self, events: list[Event], is_cut: bool) -> list[Event]:
        """The events before the end of the utterance in progress, its own, and what is shown."""
        segmenter, state = self._parts.segmenter, self._segmenter_state
        heard = await self._parts.run_decoding(
            lambda: self._heard(lambda: segmenter.finish(state, is_cut))
        )
        events += self._take(heard)
        return [_within(event, self.duration_s) for event in events] + self._news()

    async def _run_steps(self) -> list[Event]:
        events: list[Event] = []
        while (chunk := self._parts.chunker.next_chunk()) is not None:
            events += await self._step(chunk)
        return events

    async def _step(self, chunk: Chunk) -> list[Event]:
        listen = self._listening(chunk)
        in_batch = self._parts.listens_in_batch
        step = Step(chunk.waveform, self._model_state, listen if in_batch else _only_take)
        completed = await self._seat.submit(step, key=len(chunk.waveform))
        stepped = completed.result
        self._model_state = stepped.state
        self._timings += Timings(queued_s=completed.queued_s, run_s=stepped.run_s)
        heard = stepped.heard
        return self._take(
            heard if in_batch else await self._parts.run_decoding(lambda: listen(heard))
        )

    def _listening(self, chunk: Chunk) -> Callable[[Frames], _Heard]:
        """What makes of a chunk's frames the next state, whatever thread it runs in."""
        segmenter, state = self._parts.segmenter, self._segmenter_state
        num_heard = state.num_frames - chunk.first_frame  # more than none only after `finalize`
        real = slice(chunk.real_frames.start + num_heard, chunk.real_frames.stop)
        return lambda frames: self._heard(lambda: segmenter.advance(state, frames[real]))

    def _heard(self, function: Callable[[], tuple[SegmenterState[Any], list[Segment]]]) -> _Heard:
        """The outcome of a segmenter's function, in a thread of any kind: it changes nothing."""
        started_s = time.perf_counter()
        state, segments = function()
        # At once, because to run something off the event loop costs more than a partial.
        wants_partials = self._parts.wants_partials
        newest = self._parts.segmenter.partial(state) if wants_partials else NOTHING_SHOWN
        return _Heard(state, segments, newest, time.perf_counter() - started_s)

    def _take(self, heard: _Heard) -> list[Event]:
        self._segmenter_state, self._newest = heard.state, heard.newest
        self._timings += Timings(decode_s=heard.decode_s)
        segments = heard.segments
        if segments:
            self._shown = NOTHING_SHOWN
        return [Final(self._parts.rewrite(segment)) for segment in segments]

    def _news(self) -> list[Event]:
        """A partial, if it differs from the last one that was shown."""
        newest, shown = self._newest, self._shown
        if (newest.text, newest.stable) == (shown.text, shown.stable):
            return []
        self._shown = newest
        return [newest]


def _only_take(frames: Frames) -> Frames:
    return frames


def _within(event: Event, duration_s: float) -> Event:
    return Final(event.segment.within(duration_s)) if isinstance(event, Final) else event


def _validated(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy that cannot harm the streams it shares a batch with."""
    if waveform.ndim != 1:
        raise InvalidAudio(f"samples must come as one channel [n], not {list(waveform.shape)}")
    copy = np.array(waveform, np.float32)
    if copy.min(initial=0.0) >= -1.0 and copy.max(initial=0.0) <= 1.0:  # so nothing is NaN
        return copy
    if not np.isfinite(copy).all():
        raise InvalidAudio("the audio has samples that are not finite numbers")
    return copy.clip(-1.0, 1.0)
