"""One source of speech: audio in, events out."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol, TypeAlias, TypeVar

import numpy as np
from numpy.typing import NDArray

from service.engine.acoustic import State
from service.engine.chunking import Chunk, Chunker
from service.engine.errors import InvalidAudio, StreamClosed
from service.engine.events import Event, Final, Partial
from service.engine.scheduler import Seat
from service.engine.segmenter import Segmenter, SegmenterState
from service.engine.steps import Step, Stepped
from service.engine.transcript import Segment, Timings

T = TypeVar("T")
_Heard: TypeAlias = tuple[SegmenterState[Any], list[Segment]]

NOTHING_SHOWN = Partial(text="", stable="", start_s=0.0)


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
    wants_partials: bool


class Stream:
    """What one caller says, recognised while it is said. Owned by one task.

    An error or a cancellation in `accept` or `finish` closes the stream.
    """

    def __init__(self, parts: StreamParts, seat: Seat[Step, Stepped]) -> None:
        self._parts = parts
        self._seat = seat
        self._model_state = parts.initial_state
        self._segmenter_state = parts.segmenter.start()
        self._shown = NOTHING_SHOWN  # the last partial of the utterance in progress
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

    async def accept(self, waveform: NDArray[np.float32]) -> list[Event]:
        """Take in samples [n], mono, at the model's rate, clipped to [-1, 1]; n is any number.

        It returns when the steps that these samples complete have run: this is the back-pressure.

        Returns:
            The utterances that have ended, then a partial if there is news of the one in progress.

        Raises:
            InvalidAudio: a sample is not a finite number.
            StreamClosed: the stream is finished or closed.
        """
        self._check_open()
        try:
            self._parts.chunker.push(_validated(waveform))
            before = self._segmenter_state
            events = await self._run_steps(self._parts.chunker)
            return events if self._segmenter_state is before else events + await self._news()
        except BaseException:
            self.close()
            raise

    async def finalize(self) -> list[Event]:
        """End the utterance in progress here, after all that was accepted; the stream goes on.

        The last frames need audio behind them: as at the end of a stream the model is shown zeros,
        but on a side path. What comes later is heard as if nothing had happened.

        Raises:
            StreamClosed: the stream is finished or closed.
        """
        self._check_open()
        try:
            main_path = self._model_state
            events = await self._flush(self._parts.chunker.fork(), is_cut=True)
            self._model_state = main_path
            return events + await self._news()
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
            events = await self._flush(self._parts.chunker, is_cut=False)
            return events + await self._news()

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

    async def _flush(self, chunker: Chunker, is_cut: bool) -> list[Event]:
        chunker.finish()
        unheard = self._segmenter_state.num_frames < chunker.num_frames
        events = await self._run_steps(chunker) if unheard else []
        segmenter, state = self._parts.segmenter, self._segmenter_state
        events += await self._hear(lambda: segmenter.finish(state, is_cut))
        return [_within(event, self.duration_s) for event in events]

    async def _run_steps(self, chunker: Chunker) -> list[Event]:
        events: list[Event] = []
        while (chunk := chunker.next_chunk()) is not None:
            events += await self._step(chunk)
        return events

    async def _step(self, chunk: Chunk) -> list[Event]:
        step = Step(chunk.waveform, self._model_state)
        completed = await self._seat.submit(step, key=len(chunk.waveform))
        self._model_state = completed.result.state
        self._timings += Timings(queued_s=completed.queued_s, run_s=completed.run_s)
        segmenter, state = self._parts.segmenter, self._segmenter_state
        num_heard = state.num_frames - chunk.first_frame  # more than none only after `finalize`
        log_probs = completed.result.log_probs[chunk.real_frames][num_heard:]
        return await self._hear(lambda: segmenter.advance(state, log_probs))

    async def _hear(self, function: Callable[[], _Heard]) -> list[Event]:
        self._segmenter_state, segments = await self._decode(function)
        if segments:
            self._shown = NOTHING_SHOWN
        return [Final(segment) for segment in segments]

    async def _news(self) -> list[Event]:
        """A partial, if it differs from the last one that was shown."""
        if not self._parts.wants_partials:
            return []
        segmenter, state = self._parts.segmenter, self._segmenter_state
        partial = await self._decode(lambda: segmenter.partial(state))
        if (partial.text, partial.stable) == (self._shown.text, self._shown.stable):
            return []
        self._shown = partial
        return [partial]

    async def _decode(self, function: Callable[[], T]) -> T:
        def timed() -> tuple[T, float]:
            started_s = time.perf_counter()
            return function(), time.perf_counter() - started_s

        result, decode_s = await self._parts.run_decoding(timed)
        self._timings += Timings(decode_s=decode_s)
        return result


def _within(event: Event, duration_s: float) -> Event:
    return Final(event.segment.within(duration_s)) if isinstance(event, Final) else event


def _validated(waveform: NDArray[np.float32]) -> NDArray[np.float32]:
    """A copy that cannot harm the streams it shares a batch with."""
    if waveform.ndim != 1:
        raise InvalidAudio(f"samples must come as one channel [n], not {list(waveform.shape)}")
    if not np.isfinite(waveform).all():
        raise InvalidAudio("the audio has samples that are not finite numbers")
    return np.clip(waveform, -1.0, 1.0).astype(np.float32, copy=False)
