"""Many streams share one recognizer: nobody's trouble is another's."""

import asyncio
import threading
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.errors import EmptyAudio, InvalidBundle, InvalidOption, Overloaded, StreamClosed
from service.engine.events import Final
from service.engine.options import BoostPhrase, Priority, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import (
    make_segmenter,
    run_recognizer,
    running_recognizer,
    transcribe,
)
from service.engine.segmenter import Segmenter
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, silence, speak
from tests.tiny_bundle import write_tiny_bundle

OPTIONS = RecognitionOptions()
BOOSTING = RecognitionOptions(decoder="beam", boost=(BoostPhrase("good day"),))


def is_loud(waveform: NDArray[np.float32]) -> bool:
    return bool(waveform.max() == 1)


async def test_streams_share_batches() -> None:
    model = FakeAcousticModel(latency_s=0.005)
    texts = [f"{first}{second}" for first in "abcd" for second in "efgh"]
    async with run_recognizer(fake_bundle(), model, RuntimeOptions(max_batch_size=8)) as recognizer:
        transcripts = await asyncio.gather(
            *(transcribe(recognizer, [speak(text), silence(10)], OPTIONS) for text in texts)
        )
    assert [transcript.text for transcript in transcripts] == texts
    assert max(model.batch_sizes) > 1
    assert max(model.batch_sizes) <= 8


async def test_a_model_that_fails_fails_one_stream() -> None:
    model = FakeAcousticModel(poisoned=is_loud)
    bad = np.ones(FRAMING.sample_rate, np.float32)
    async with run_recognizer(fake_bundle(), model, RuntimeOptions()) as recognizer:
        outcomes = await asyncio.gather(
            *(transcribe(recognizer, [each], OPTIONS) for each in (speak("good"), bad)),
            return_exceptions=True,
        )
        again = await transcribe(recognizer, [speak("again")], OPTIONS)
    assert not isinstance(outcomes[0], BaseException)
    assert outcomes[0].text == "good"
    assert isinstance(outcomes[1], RuntimeError)
    assert again.text == "again"


async def test_a_batch_that_fails_is_run_again_one_by_one() -> None:
    model = FakeAcousticModel(raises_at=frozenset({0}))
    async with run_recognizer(fake_bundle(), model, RuntimeOptions()) as recognizer:
        streams = [recognizer.stream(OPTIONS, Priority.BULK) for _ in range(2)]
        for stream, text in zip(streams, ("one", "two"), strict=True):
            await stream.accept(speak(text))
        outcomes = await asyncio.gather(*(stream.finish() for stream in streams))
    assert model.batch_sizes[:3] == [2, 1, 1]
    texts = [event.segment.text for (event,) in outcomes if isinstance(event, Final)]
    assert texts == ["one", "two"]


async def test_streams_are_bounded_and_given_back() -> None:
    options = RuntimeOptions(max_streams=1)
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        with recognizer.stream(OPTIONS, Priority.LIVE), pytest.raises(Overloaded):
            await transcribe(recognizer, [speak("a")], OPTIONS)
        for _ in range(3):
            assert (await transcribe(recognizer, [speak("a")], OPTIONS)).text == "a"


async def test_boosts_are_prepared_off_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []

    def made(*arguments: Any) -> Segmenter[Any]:
        threads.append(threading.current_thread())
        return make_segmenter(*arguments)

    monkeypatch.setattr("service.engine.recognizer.make_segmenter", made)
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        assert (await transcribe(recognizer, [speak("good day")], BOOSTING)).text == "good day"
    assert len(threads) == 1
    assert threads[0] is not threading.current_thread()


async def test_nothing_is_made_for_whom_there_is_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    options = RuntimeOptions(max_streams=1)
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        with recognizer.stream(OPTIONS, Priority.LIVE):
            monkeypatch.setattr("service.engine.recognizer.make_segmenter", None)
            with pytest.raises(Overloaded):
                await recognizer.prepare(BOOSTING)
            with pytest.raises(Overloaded):
                recognizer.stream(BOOSTING, Priority.LIVE)
        monkeypatch.undo()
        recognizer.stream(BOOSTING, Priority.LIVE).close()


async def test_options_that_cannot_be_had_take_no_place(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> NoReturn:
        raise InvalidOption("not with this model")

    options = RuntimeOptions(max_streams=1)
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        monkeypatch.setattr("service.engine.recognizer.make_segmenter", fail)
        for _ in range(2):
            with pytest.raises(InvalidOption):
                recognizer.stream(OPTIONS, Priority.LIVE)


async def test_a_cancelled_transcription_gives_its_place_back() -> None:
    model = FakeAcousticModel(latency_s=0.05)
    async with run_recognizer(fake_bundle(), model, RuntimeOptions(max_streams=1)) as recognizer:
        task = asyncio.create_task(transcribe(recognizer, [silence(100)], OPTIONS))
        await asyncio.sleep(0.02)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert (await transcribe(recognizer, [speak("next")], OPTIONS)).text == "next"


async def test_audio_may_come_from_an_asynchronous_source() -> None:
    async def arriving() -> AsyncIterator[NDArray[np.float32]]:
        for piece in np.array_split(speak("hello world"), 7):
            yield piece

    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        transcript = await transcribe(recognizer, arriving(), OPTIONS)
    assert transcript.text == "hello world"
    assert transcript.timings.run_s > 0
    assert transcript.timings.decode_s > 0


async def test_every_reading_has_its_words_and_its_score() -> None:
    options = RecognitionOptions(decoder="beam", nbest=3)
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        waveforms = [speak("good day"), silence(2.0), speak("bye")]
        transcript = await transcribe(recognizer, waveforms, options)
    for segment in transcript.segments:
        scores = [segment.score, *(other.score for other in segment.alternatives)]
        assert scores == sorted(scores, reverse=True)
        assert len(scores) == 3
        for other in segment.alternatives:
            assert " ".join(word.text for word in other.words) == other.text
            times = [time_s for word in other.words for time_s in (word.start_s, word.end_s)]
            assert times == sorted(times)
            assert times[-1] == pytest.approx(segment.end_s, abs=0.2)


async def test_memory_does_not_grow_with_the_audio() -> None:
    minute = np.concatenate([speak("one minute"), silence(60)])
    num_minutes = 15
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        tracemalloc.start()
        blocks = (minute.copy() for _ in range(num_minutes))
        transcript = await transcribe(recognizer, blocks, OPTIONS)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert len(transcript.segments) == num_minutes
    assert peak < 5 * minute.nbytes


async def test_an_error_of_the_source_reaches_the_caller() -> None:
    def failing() -> Iterator[NDArray[np.float32]]:
        yield speak("a")
        raise OSError("gone")

    options = RuntimeOptions(max_streams=1)
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), options) as recognizer:
        with pytest.raises(OSError, match="gone"):
            await transcribe(recognizer, failing(), OPTIONS)
        assert (await transcribe(recognizer, [speak("next")], OPTIONS)).text == "next"


@pytest.mark.parametrize("waveforms", [[], [silence(0)]], ids=["no block", "an empty block"])
async def test_no_samples_are_an_error(waveforms: list[NDArray[np.float32]]) -> None:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        with pytest.raises(EmptyAudio):
            await transcribe(recognizer, waveforms, OPTIONS)


async def test_streams_that_are_open_at_the_end_are_told() -> None:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        stream = recognizer.stream(OPTIONS, Priority.LIVE)
    with pytest.raises(StreamClosed):
        await stream.accept(speak("too late"))
    with pytest.raises(StreamClosed, match="shutting down"):
        recognizer.stream(OPTIONS, Priority.LIVE)


async def test_a_bundle_is_loaded_and_run(tmp_path: Path) -> None:
    options, done = RuntimeOptions(provider="cpu"), list[str]()
    folder = write_tiny_bundle(tmp_path)
    async with running_recognizer(folder, options, lambda: done.append("it")) as recognizer:
        assert done == ["it"]
        assert recognizer.provider == "CPUExecutionProvider"
        assert recognizer.bundle.name == "tiny"
        transcript = await transcribe(recognizer, [np.zeros(16000, np.float32)], OPTIONS)
        assert transcript.duration_s == 1


async def test_a_folder_without_a_bundle_is_refused(tmp_path: Path) -> None:
    done: list[str] = []
    with pytest.raises(InvalidBundle):
        async with running_recognizer(tmp_path, RuntimeOptions(), lambda: done.append("it")):
            pass
    assert not done, "whoever has no model is not to wait for anything else"


@pytest.mark.parametrize(
    ("values", "cause"),
    [
        ({"decoder": "magic"}, "decoder is 'magic'; it must be one of greedy, beam"),
        ({"beam_width": 0}, "beam_width is 0; it must be between 1 and 512"),
        ({"nbest": 17}, "nbest is 17; it must be between 1 and 16"),
    ],
)
def test_an_impossible_option_is_named(values: dict[str, str | int], cause: str) -> None:
    with pytest.raises(InvalidOption, match=cause):
        RecognitionOptions(**values)  # type: ignore[arg-type]
