"""`finalize` ends an utterance on demand, and the stream goes on as if nothing had happened."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.bundle import ChunkFrames
from service.engine.errors import StreamClosed
from service.engine.events import Event, Final
from service.engine.options import Endpointing, Priority, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import run_recognizer
from service.engine.stream import Stream
from service.engine.transcript import Segment
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, silence, speak

GREEDY = RecognitionOptions()
BEAM = RecognitionOptions("beam", beam_width=2)
CHUNK_FRAMES = ChunkFrames(live=4, bulk=16)


@asynccontextmanager
async def opened(
    model: FakeAcousticModel, options: RecognitionOptions = GREEDY
) -> AsyncIterator[Stream]:
    bundle = fake_bundle(chunk_frames=CHUNK_FRAMES)
    async with run_recognizer(bundle, model, RuntimeOptions()) as recognizer:
        with recognizer.stream(options, Priority.LIVE) as stream:
            yield stream


def segments(events: list[Event]) -> list[Segment]:
    return [event.segment for event in events if isinstance(event, Final)]


async def said(parts: list[NDArray[np.float32]], options: RecognitionOptions) -> list[Segment]:
    """The segments of audio that is finalized after each of its parts."""
    events: list[Event] = []
    async with opened(FakeAcousticModel(), options) as stream:
        for part in parts:
            events += await stream.accept(part)
            events += await stream.finalize()
        return segments(events + await stream.finish())


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.text("abc", min_size=1, max_size=20), max_size=5), st.sampled_from([GREEDY, BEAM])
)
def test_every_part_is_a_segment_at_its_place(
    texts: list[str], options: RecognitionOptions
) -> None:
    heard = asyncio.run(said([speak(text) for text in texts], options))
    assert [segment.text for segment in heard] == texts
    start_s = 0.0
    for segment, text in zip(heard, texts, strict=True):
        assert segment.start_s == pytest.approx(start_s)
        start_s += len(speak(text)) / FRAMING.sample_rate
        assert segment.end_s <= start_s + 1e-9
        assert segment.is_cut


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 6), max_size=8))
def test_every_frame_is_heard_once(lengths: list[int]) -> None:
    waveform = speak("abcdefghijklmnopqrs")
    cuts = np.cumsum(lengths, dtype=np.int64) * FRAMING.samples_per_frame
    heard = asyncio.run(said(np.split(waveform, cuts), GREEDY))
    assert "".join(segment.text for segment in heard) == "abcdefghijklmnopqrs"


@settings(deadline=None, max_examples=30)
@given(st.lists(st.integers(1, 3000), max_size=8))
def test_a_cut_inside_a_frame_keeps_times_in_order(lengths: list[int]) -> None:
    waveform = speak("abcdefghijklmnopqrs")
    heard = asyncio.run(said(np.split(waveform, np.cumsum(lengths, dtype=np.int64)), GREEDY))
    assert all(earlier.end_s <= later.start_s + 1e-9 for earlier, later in pairwise(heard))
    assert heard[-1].text[-1] == "s"
    assert heard[-1].end_s <= len(waveform) / FRAMING.sample_rate


async def test_nothing_new_costs_nothing_and_says_nothing() -> None:
    model = FakeAcousticModel()
    async with opened(model) as stream:
        assert await stream.finalize() == []
        await stream.accept(speak("hello"))
        assert [segment.text for segment in segments(await stream.finalize())] == ["hello"]
        num_steps = len(model.batch_sizes)
        assert await stream.finalize() == []
        assert len(model.batch_sizes) == num_steps
        assert await stream.finish() == []


async def test_what_is_said_after_it_is_told_as_ever() -> None:
    async with opened(FakeAcousticModel()) as stream:
        await stream.accept(speak("one"))
        await stream.finalize()
        events = await stream.accept(np.concatenate([speak("two"), silence(2.0), speak("three")]))
        events += await stream.finish()
    heard = segments(events)
    assert [(segment.text, segment.is_cut) for segment in heard] == [
        ("two", False),
        ("three", False),
    ]


async def test_an_utterance_cut_for_its_length_says_so() -> None:
    options = RecognitionOptions(endpointing=Endpointing(max_utterance_s=1.0))
    symbols = np.full(60 * FRAMING.samples_per_frame, 3 / 29, np.float32)  # one long "a"
    async with opened(FakeAcousticModel(), options) as stream:
        events = await stream.accept(symbols)
    assert [segment.is_cut for segment in segments(events)] == [True, True]


async def test_a_closed_stream_cannot_be_finalized() -> None:
    async with opened(FakeAcousticModel()) as stream:
        await stream.finish()
        with pytest.raises(StreamClosed):
            await stream.finalize()
