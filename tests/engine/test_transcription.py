"""Whole files: their channels, their progress, and what they cost."""

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.errors import EmptyAudio
from service.engine.options import RecognitionOptions, RuntimeOptions
from service.engine.recognizer import Recognizer, run_recognizer
from service.engine.transcript import Transcript
from service.engine.transcription import Progress, transcribe, transcribe_in_parts
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, silence, speak

OPTIONS = RecognitionOptions()
LEFT = np.concatenate([speak("left"), silence(3.0), speak("again"), silence(3.0)])
RIGHT = np.concatenate([silence(2.0), speak("right"), silence(9.0)])[: len(LEFT)]


@asynccontextmanager
async def running(max_streams: int = 2) -> AsyncIterator[Recognizer]:
    options = RuntimeOptions(max_streams=max_streams)
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        yield recognizer


async def parts_of(
    recognizer: Recognizer, blocks: list[NDArray[np.float32]]
) -> list[Progress | Transcript]:
    return [part async for part in transcribe_in_parts(recognizer, blocks, OPTIONS)]


async def test_the_progress_adds_up_to_the_transcript() -> None:
    blocks = np.array_split(LEFT, 5)
    async with running() as recognizer:
        *progress, whole = await parts_of(recognizer, blocks)
        assert isinstance(whole, Transcript)
        plain = await transcribe(recognizer, [LEFT], OPTIONS)
    reports = [part for part in progress if isinstance(part, Progress)]
    assert len(reports) == len(progress) == len(blocks) + 1
    told = tuple(segment for report in reports for segment in report.segments)
    assert told == whole.segments == plain.segments
    heard = np.cumsum([len(block) for block in blocks]) / FRAMING.sample_rate
    assert [report.heard_s for report in reports[:-1]] == pytest.approx(heard)


async def test_channels_are_recognised_as_if_alone() -> None:
    both = np.stack([LEFT, RIGHT])
    async with running() as recognizer:
        together = await transcribe(recognizer, np.array_split(both, 7, axis=1), OPTIONS)
        alone = [(await transcribe(recognizer, [side], OPTIONS)).words for side in (LEFT, RIGHT)]
    assert [(each.channel, each.text) for each in together.segments] == [
        (0, "left"),
        (1, "right"),
        (0, "again"),
    ]
    for channel, words in enumerate(alone):
        segments = [each for each in together.segments if each.channel == channel]
        assert tuple(word for segment in segments for word in segment.words) == words
    assert together.duration_s == len(LEFT) / FRAMING.sample_rate


async def test_memory_does_not_grow_with_the_audio_of_channels() -> None:
    minute = np.stack([np.concatenate([speak("one minute"), silence(60)])] * 2)
    num_minutes = 10
    async with running() as recognizer:
        tracemalloc.start()
        blocks = (minute.copy() for _ in range(num_minutes))
        transcript = await transcribe(recognizer, blocks, OPTIONS)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(transcript.segments) == 2 * num_minutes
    assert peak < 5 * minute.nbytes


async def test_one_who_asks_for_no_more_frees_the_places() -> None:
    blocks = [np.stack([LEFT, RIGHT])] * 3
    async with running() as recognizer:
        for _ in range(3):
            async with aclosing(transcribe_in_parts(recognizer, blocks, OPTIONS)) as parts:
                await anext(parts)
        assert (await transcribe(recognizer, [LEFT], OPTIONS)).text == "left again"


async def test_a_cancelled_file_frees_the_places_of_all_channels() -> None:
    options = RuntimeOptions(max_streams=2)
    model = FakeAcousticModel(latency_s=0.05)
    async with run_recognizer(fake_bundle(), model, options) as recognizer:
        blocks = [np.stack([silence(100)] * 2)]
        task = asyncio.create_task(transcribe(recognizer, blocks, OPTIONS))
        while not model.batch_sizes:  # noqa: ASYNC110 - the model runs in another thread
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        again = await transcribe(recognizer, [np.stack([LEFT, RIGHT])], OPTIONS)
    assert again.text == "left right again"


async def test_no_samples_are_an_error_in_parts_as_well() -> None:
    async with running() as recognizer:
        for blocks in ([], [np.zeros((2, 0), np.float32)]):
            with pytest.raises(EmptyAudio):
                await parts_of(recognizer, blocks)
