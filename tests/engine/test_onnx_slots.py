"""States that stay on the device, shown on the CPU's: the same numbers as states that travel."""

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from service.engine.acoustic import AcousticModel, State
from service.engine.bundle import Bundle, load_bundle
from service.engine.errors import InvalidBundle, Overloaded
from service.engine.events import Final
from service.engine.onnx_acoustic import CPU, load_acoustic_model
from service.engine.onnx_slots import SlottedAcousticModel, load_slotted_model
from service.engine.options import Priority, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import run_recognizer
from tests.tiny_bundle import write_tiny_bundle

OPTIONS = RuntimeOptions(provider="cpu", max_streams=4)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path))


@pytest.fixture
def model(bundle: Bundle) -> SlottedAcousticModel:
    return load_slotted_model(bundle, OPTIONS, CPU)


def noise(*shape: int, seed: int = 1) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, shape).astype(np.float32)


def run_streams(model: AcousticModel, batches: list[list[int]]) -> dict[int, list[float]]:
    """Step streams in the batches given; the log-probabilities that each stream got."""
    states: dict[int, State] = {}
    heard: dict[int, list[float]] = {}
    for number, streams in enumerate(batches):
        waveforms = noise(len(streams), 32, seed=number)
        before = [states.get(stream) or model.initial_state() for stream in streams]
        log_probs, after = model.step(waveforms, before)
        for stream, state, row in zip(streams, after, log_probs, strict=True):
            states[stream] = state
            heard.setdefault(stream, []).extend(row.ravel().tolist())
    return heard


BATCHES = [[0], [0, 1, 2], [2, 0], [1], [3, 2, 1, 0], [0, 3]]


def test_states_on_the_device_equal_states_that_travel(
    bundle: Bundle, model: SlottedAcousticModel
) -> None:
    expected = run_streams(load_acoustic_model(bundle, OPTIONS), BATCHES)
    found = run_streams(model, BATCHES)
    for stream, log_probs in expected.items():
        np.testing.assert_allclose(found[stream], log_probs, atol=1e-5)


def test_a_step_can_be_run_again(model: SlottedAcousticModel) -> None:
    """As the scheduler does where a batch failed: a step changes nothing that it reads."""
    _, (state,) = model.step(noise(1, 32), [model.initial_state()])
    first, _ = model.step(noise(1, 64), [state])
    again, _ = model.step(noise(1, 64), [state])
    np.testing.assert_array_equal(first, again)


def test_slots_of_streams_that_have_gone_are_used_again_and_begin_at_zero(
    model: SlottedAcousticModel,
) -> None:
    expected, _ = model.step(noise(1, 32), [model.initial_state()])
    for _ in range(1000):
        found, _ = model.step(noise(1, 32), [model.initial_state()])
    np.testing.assert_array_equal(found, expected)


def test_more_streams_than_there_is_room_for_are_refused(model: SlottedAcousticModel) -> None:
    held: list[State] = []
    with pytest.raises(Overloaded, match="no room"):
        held.extend(model.initial_state() for _ in range(1000))
    assert len(held) >= OPTIONS.max_streams
    del held[0]
    model.initial_state()


def test_threads_do_not_disturb_each_other(model: SlottedAcousticModel) -> None:
    expected = run_streams(model, [[0]] * 30)
    found: list[dict[int, list[float]]] = []
    threads = [
        threading.Thread(target=lambda: found.append(run_streams(model, [[0]] * 30)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_bad_waveforms_are_refused(model: SlottedAcousticModel) -> None:
    with pytest.raises(ValueError, match="a multiple of"):
        model.step(noise(1, 33), [model.initial_state()])
    with pytest.raises(ValueError, match="come with"):
        model.step(noise(2, 32), [model.initial_state()])


def test_a_graph_that_cannot_be_read_is_an_invalid_bundle(bundle: Bundle) -> None:
    (bundle.folder / "model.onnx").write_bytes(b"no graph")
    with pytest.raises(InvalidBundle, match="slots"):
        load_slotted_model(bundle, OPTIONS, CPU)


async def test_a_recognizer_runs_on_slots(bundle: Bundle, model: SlottedAcousticModel) -> None:
    texts = []
    for each in (model, load_acoustic_model(bundle, OPTIONS)):
        async with run_recognizer(bundle, each, OPTIONS) as recognizer:
            with recognizer.stream(RecognitionOptions(), Priority.LIVE) as stream:
                events = await stream.accept(noise(4000)) + await stream.finish()
        texts.append([event.segment for event in events if isinstance(event, Final)])
    assert texts[0] == texts[1]
    assert texts[0], "the noise was read as something"
