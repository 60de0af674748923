"""A stream gives the same text however its audio is cut, and keeps what it promised."""

import asyncio
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.bundle import ChunkFrames
from service.engine.errors import InvalidAudio, StreamClosed
from service.engine.events import Event, Final, Partial
from service.engine.framing import Framing
from service.engine.onnx_acoustic import CPU, CUDA
from service.engine.options import Endpointing, Priority, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import run_recognizer, transcribe
from service.engine.stream import Stream
from service.engine.transcript import Segment
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, silence, speak

GREEDY = RecognitionOptions(endpointing=Endpointing(silence_s=0.4, max_utterance_s=2.0))
BEAM = RecognitionOptions("beam", beam_width=2, endpointing=GREEDY.endpointing)
CHUNK_FRAMES = ChunkFrames(live=4, bulk=16)  # short, so that little audio has many of them

Waveform = NDArray[np.float32]

TEXTS = st.text("ab' ", max_size=12)
UTTERANCES = st.lists(st.tuples(TEXTS, st.floats(0, 1.0)), max_size=4).map(
    lambda parts: np.concatenate(
        [silence(0), *(piece for text, gap_s in parts for piece in (speak(text), silence(gap_s)))]
    )
)
CUTS = st.lists(st.floats(0, 1), max_size=12)


async def listen(
    waveform: Waveform,
    cuts: list[float],
    options: RecognitionOptions,
    priority: Priority,
    provider: str = CPU,
) -> list[Event]:
    """The events of a waveform that arrives in pieces, cut at these fractions of its length."""
    model = FakeAcousticModel(provider=provider)
    async with run_recognizer(
        fake_bundle(chunk_frames=CHUNK_FRAMES), model, RuntimeOptions()
    ) as recognizer:
        with recognizer.stream(options, priority) as stream:
            return await feed(stream, waveform, cuts)


async def feed(stream: Stream, waveform: Waveform, cuts: list[float]) -> list[Event]:
    events: list[Event] = []
    for piece in np.split(waveform, sorted(round(cut * len(waveform)) for cut in cuts)):
        events += await stream.accept(piece)
    return events + await stream.finish()


async def whole(waveform: Waveform, options: RecognitionOptions) -> tuple[Segment, ...]:
    async with run_recognizer(
        fake_bundle(chunk_frames=CHUNK_FRAMES), FakeAcousticModel(), RuntimeOptions()
    ) as recognizer:
        return (await transcribe(recognizer, [waveform], options)).segments


def segments(events: list[Event]) -> tuple[Segment, ...]:
    return tuple(event.segment for event in events if isinstance(event, Final))


@settings(deadline=None, max_examples=40)
@given(
    UTTERANCES.filter(len),
    CUTS,
    st.tuples(
        st.sampled_from([GREEDY, BEAM]), st.sampled_from(Priority), st.sampled_from([CPU, CUDA])
    ),
)
def test_file_and_stream_agree_however_cut(
    waveform: Waveform, cuts: list[float], way: tuple[RecognitionOptions, Priority, str]
) -> None:
    options = way[0]
    heard = segments(asyncio.run(listen(waveform, cuts, *way)))
    expected = asyncio.run(whole(waveform, options))
    assert [segment.text for segment in heard] == [segment.text for segment in expected]
    assert [segment.words for segment in heard] == [segment.words for segment in expected]


@settings(deadline=None, max_examples=40)
@given(UTTERANCES, CUTS, st.sampled_from([GREEDY, BEAM]))
def test_what_is_stable_stays(
    waveform: Waveform, cuts: list[float], options: RecognitionOptions
) -> None:
    events = asyncio.run(listen(waveform, cuts, options, Priority.LIVE))
    stable = ""
    for event in events:
        text = event.text if isinstance(event, Partial) else event.segment.text
        assert text.startswith(stable)
        stable = event.stable if isinstance(event, Partial) else ""
        assert text.startswith(stable)
    assert not events or isinstance(events[-1], Final) or events[-1].text == ""


@settings(deadline=None, max_examples=40)
@given(UTTERANCES, CUTS)
def test_times_are_in_order_and_inside_the_audio(waveform: Waveform, cuts: list[float]) -> None:
    heard = segments(asyncio.run(listen(waveform, cuts, GREEDY, Priority.LIVE)))
    words = [word for segment in heard for word in segment.words]
    assert all(word.start_s < word.end_s for word in words)
    assert all(earlier.end_s <= later.start_s for earlier, later in pairwise(words))
    assert all(word.end_s <= len(waveform) / FRAMING.sample_rate for word in words)
    for segment in heard:
        assert (segment.start_s, segment.end_s) == (
            segment.words[0].start_s,
            segment.words[-1].end_s,
        )


@pytest.mark.parametrize("lookahead_frames", [0, 2, 12])
@pytest.mark.parametrize("num_samples", [1, 639, 640, 641, 1280, 10_241])
async def test_the_last_frames_come_out_whatever_the_lookahead(
    lookahead_frames: int, num_samples: int
) -> None:
    framing = Framing(16000, 640, 2, lookahead_frames)
    waveform = np.full(num_samples, 3 / 29, np.float32)  # "a" throughout
    async with run_recognizer(
        fake_bundle(framing), FakeAcousticModel(framing), RuntimeOptions()
    ) as recognizer:
        transcript = await transcribe(recognizer, [waveform], RecognitionOptions())
    assert transcript.text == ("a" if num_samples >= 480 else "")  # the middle of a frame is heard
    assert transcript.duration_s == num_samples / 16000


async def test_the_text_arrives_while_the_audio_does() -> None:
    waveform = np.concatenate([speak("hello world"), silence(0.6), speak("good bye")])
    events = await listen(waveform, [step / 40 for step in range(40)], GREEDY, Priority.LIVE)
    assert [event.segment.text for event in events if isinstance(event, Final)] == [
        "hello world",
        "good bye",
    ]
    first_final = next(i for i, event in enumerate(events) if isinstance(event, Final))
    partials = [event for event in events[:first_final] if isinstance(event, Partial)]
    assert [partial.text for partial in partials][-1] == "hello world"
    assert partials[-1].stable == "hello"
    assert len({partial.text for partial in partials}) == len(partials), "only news is told"


@pytest.mark.parametrize("waveform", [silence(0), silence(0.02), silence(65.0)])
async def test_silence_says_nothing(waveform: Waveform) -> None:
    assert await listen(waveform, [0.5], GREEDY, Priority.LIVE) == []


async def test_an_utterance_is_never_longer_than_allowed() -> None:
    heard = segments(await listen(speak("a" * 200), [], GREEDY, Priority.BULK))
    assert "".join(segment.text for segment in heard) == "a" * 200
    assert all(segment.end_s - segment.start_s <= 2.0 for segment in heard)


async def test_samples_that_are_no_numbers_close_their_stream_only() -> None:
    async with run_recognizer(
        fake_bundle(), FakeAcousticModel(), RuntimeOptions(max_streams=1)
    ) as recognizer:
        for bad in (np.nan, np.inf):
            stream = recognizer.stream(GREEDY, Priority.LIVE)
            with pytest.raises(InvalidAudio, match="not finite"):
                await stream.accept(np.array([0.0, bad], np.float32))
            with pytest.raises(StreamClosed):
                await stream.finish()
        with pytest.raises(InvalidAudio, match="one channel"):
            await recognizer.stream(GREEDY, Priority.LIVE).accept(np.zeros((2, 2), np.float32))
        assert (await transcribe(recognizer, [speak("fine")], GREEDY)).text == "fine"


async def test_a_finished_stream_is_closed() -> None:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        stream = recognizer.stream(GREEDY, Priority.LIVE)
        await stream.finish()
        stream.close()
        with pytest.raises(StreamClosed, match="open another"):
            await stream.accept(speak("late"))
        with pytest.raises(StreamClosed):
            await stream.finish()


async def test_the_callers_array_is_not_kept() -> None:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        with recognizer.stream(GREEDY, Priority.LIVE) as stream:
            waveform = speak("abc")
            await stream.accept(waveform)
            waveform[:] = 0.9
            (final,) = segments(await stream.finish())
    assert final.text == "abc"


async def test_no_word_ends_after_the_audio() -> None:
    """The last frame is padded where the audio ends inside it; times stay those of the audio."""
    waveform = speak("hello")[: -FRAMING.samples_per_frame * 3 // 2]
    *_, final = await listen(waveform, [], GREEDY, Priority.LIVE)
    assert isinstance(final, Final)
    duration_s = len(waveform) / FRAMING.sample_rate
    assert final.segment.end_s == final.segment.words[-1].end_s == duration_s
