"""Whole files: a bulk stream for each channel, fed until its end in constant memory."""

import asyncio
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Coroutine,
    Iterable,
    Iterator,
    Sequence,
)
from contextlib import ExitStack, aclosing
from dataclasses import dataclass, replace
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.engine.errors import EmptyAudio
from service.engine.events import Event, Final
from service.engine.options import Priority, RecognitionOptions
from service.engine.stream import Stream
from service.engine.transcript import Segment, Timings, Transcript

Waveforms: TypeAlias = AsyncIterable[NDArray[np.float32]] | Iterable[NDArray[np.float32]]
"""Blocks of audio at the model's rate, in [-1, 1]: [n], or [C, n] for channels kept apart.

A plain iterable is pulled in a thread, since decoding audio blocks.
"""


_SAMPLES_PULLED_AT_ONCE = 240_000  # short files come whole


class OpensStreams(Protocol):
    """What a recognizer is to a file."""

    async def prepare(self, options: RecognitionOptions) -> None: ...

    def stream(self, options: RecognitionOptions, priority: Priority) -> Stream: ...


@dataclass(frozen=True, slots=True)
class Progress:
    """What a file's latest block has brought."""

    segments: tuple[Segment, ...]  # that have ended; each is told once
    heard_s: float  # seconds of the file so far


async def transcribe(
    recognizer: OpensStreams, waveforms: Waveforms, options: RecognitionOptions
) -> Transcript:
    """Recognise a whole file.

    Raises:
        Overloaded: too many streams are open.
        InvalidAudio: a sample is not a finite number; EmptyAudio: there is no sample at all.
        Whatever `waveforms` raises.
    """
    async with aclosing(transcribe_in_parts(recognizer, waveforms, options)) as parts:
        async for part in parts:
            if isinstance(part, Transcript):
                return part
    raise AssertionError("the last part is the transcript")


async def transcribe_in_parts(
    recognizer: OpensStreams, waveforms: Waveforms, options: RecognitionOptions
) -> AsyncGenerator[Progress | Transcript, None]:
    """As `transcribe`, telling the progress after every block; last comes the transcript.

    The segments of the progress are those of the transcript, by channel in the same order.
    """
    await recognizer.prepare(options)
    segments: list[Segment] = []
    channels: _Channels | None = None
    with ExitStack() as opened:
        async with aclosing(_pulled(waveforms)) as blocks:
            async for block in blocks:
                channels = channels or _open_channels(recognizer, options, block, opened)
                news = await channels.accept(block)
                segments += news
                yield Progress(tuple(news), channels.duration_s)
        if channels is None or channels.duration_s == 0:
            raise EmptyAudio("the audio has no samples")
        last = await channels.finish()
    segments += last
    yield Progress(tuple(last), channels.duration_s)
    segments.sort(key=lambda segment: segment.start_s)
    yield Transcript(tuple(segments), channels.duration_s, channels.timings)


@dataclass(frozen=True, slots=True)
class _Channels:
    """The streams of a file's channels, which advance together and so share batches."""

    streams: Sequence[Stream]
    are_separate: bool

    @property
    def duration_s(self) -> float:
        return self.streams[0].duration_s

    @property
    def timings(self) -> Timings:
        return sum((stream.timings for stream in self.streams), Timings())

    async def accept(self, block: NDArray[np.float32]) -> list[Segment]:
        fed = zip(self.streams, np.atleast_2d(block), strict=True)
        return self._segments(await _together([stream.accept(row) for stream, row in fed]))

    async def finish(self) -> list[Segment]:
        return self._segments(await _together([stream.finish() for stream in self.streams]))

    def _segments(self, events: Sequence[Sequence[Event]]) -> list[Segment]:
        return [
            replace(event.segment, channel=number) if self.are_separate else event.segment
            for number, channel_events in enumerate(events)
            for event in channel_events
            if isinstance(event, Final)
        ]


async def _together(
    channels: Sequence[Coroutine[Any, Any, list[Event]]],
) -> Sequence[list[Event]]:
    """The results of all channels; the one that most files have needs no task of its own."""
    return [await channels[0]] if len(channels) == 1 else await asyncio.gather(*channels)


def _open_channels(
    recognizer: OpensStreams,
    options: RecognitionOptions,
    block: NDArray[np.float32],
    opened: ExitStack,
) -> _Channels:
    streams = [
        opened.enter_context(recognizer.stream(options, Priority.BULK))
        for _ in np.atleast_2d(block)
    ]
    return _Channels(streams, are_separate=block.ndim > 1)


async def _pulled(waveforms: Waveforms) -> AsyncGenerator[NDArray[np.float32], None]:
    if isinstance(waveforms, AsyncIterable):
        async for waveform in waveforms:
            yield waveform
        return
    iterator, is_over = iter(waveforms), False
    while not is_over:
        pulled, is_over = await asyncio.to_thread(_pull, iterator)
        for block in pulled:
            yield block


def _pull(waveforms: Iterator[NDArray[np.float32]]) -> tuple[list[NDArray[np.float32]], bool]:
    """The next few blocks, and whether they are the last.

    One change of threads for each would cost more than decoding it.
    """
    pulled: list[NDArray[np.float32]] = []
    for waveform in waveforms:
        pulled.append(waveform)
        if sum(block.size for block in pulled) >= _SAMPLES_PULLED_AT_ONCE:
            return pulled, False
    return pulled, True
