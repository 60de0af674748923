"""ONNX Runtime behind the AcousticModel protocol."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray

from service.engine.acoustic import State
from service.engine.bundle import Bundle, load_bundle
from service.engine.errors import InvalidBundle, ProviderUnavailable
from service.engine.onnx_acoustic import (
    CPU,
    CUDA,
    OnnxAcousticModel,
    chosen_precision,
    load_acoustic_model,
    missing_gpu,
)
from service.engine.options import Precision, Provider, RuntimeOptions
from tests.tiny_bundle import SAMPLES_PER_FRAME, WEIGHT, tiny_model, write_tiny_bundle

ON_CPU = RuntimeOptions(provider="cpu")
needs_no_cuda = pytest.mark.skipif(
    CUDA in onnxruntime.get_available_providers(), reason="this machine may have CUDA"
)


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return load_bundle(write_tiny_bundle(tmp_path))


@pytest.fixture
def model(bundle: Bundle) -> OnnxAcousticModel:
    model = load_acoustic_model(bundle, ON_CPU)
    assert isinstance(model, OnnxAcousticModel)
    return model


def noise(*shape: int) -> NDArray[np.float32]:
    return np.random.default_rng(1).uniform(-1, 1, shape).astype(np.float32)


def reference(waveform: NDArray[np.float32], h: NDArray[np.float32]) -> NDArray[np.float32]:
    """The graph of the tiny bundle in numpy: log_probs [T, V] of a waveform [S]."""
    sums = h + np.cumsum(waveform.reshape(-1, SAMPLES_PER_FRAME) @ WEIGHT, axis=0)
    log_probs: NDArray[np.float32] = sums - np.log(np.exp(sums).sum(axis=1, keepdims=True))
    return log_probs


def test_a_step_gives_what_the_graph_says(model: OnnxAcousticModel) -> None:
    waveforms, states = noise(3, 32), [(row,) for row in noise(3, 4)]
    log_probs, _ = model.step(waveforms, states)
    for row in range(3):
        expected = reference(waveforms[row], states[row][0])
        np.testing.assert_allclose(log_probs[row], expected, atol=1e-5)


def test_chunks_with_state_equal_the_whole(model: OnnxAcousticModel) -> None:
    waveform = noise(1, 96)
    whole, _ = model.step(waveform, [model.initial_state()])
    states: list[State] = [model.initial_state()]
    pieces = []
    for chunk in np.split(waveform, [16, 64], axis=1):
        log_probs, states = model.step(chunk, states)
        pieces.append(log_probs)
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), whole, atol=1e-5)


def owned_bytes(array: NDArray[np.generic]) -> int:
    """The size of what an array keeps alive."""
    base: NDArray[np.generic] | bytes = array
    while isinstance(base, np.ndarray):
        if base.base is None:
            return base.nbytes
        base = base.base
    return len(base)


def test_a_next_state_does_not_keep_its_batch_alive(model: OnnxAcousticModel) -> None:
    _, states = model.step(noise(2, 16), [model.initial_state()] * 2)
    assert all(owned_bytes(tensor) == tensor.nbytes for state in states for tensor in state)


@pytest.mark.parametrize(
    ("waveforms", "state", "cause"),
    [
        (noise(1, 15), np.zeros(4, np.float32), "a multiple of 16"),
        (noise(1, 16).astype(np.float64), np.zeros(4, np.float32), "float64"),
        (noise(2, 16), np.zeros(4, np.float32), "2 waveforms come with 1 states"),
        (noise(1, 16), np.zeros(5, np.float32), "a state is"),
        (noise(1, 16), np.zeros(4, np.float64), "a state is"),
    ],
)
def test_a_step_is_validated(
    model: OnnxAcousticModel,
    waveforms: NDArray[np.float32],
    state: NDArray[np.float32],
    cause: str,
) -> None:
    with pytest.raises(ValueError, match=cause):
        model.step(waveforms, [(state,)])


def renamed(name: str, new_name: str) -> onnx.ModelProto:
    model = tiny_model()
    for value in [*model.graph.input, *model.graph.output]:
        if value.name == name:
            value.name = new_name
    for node in model.graph.node:
        node.input[:] = [new_name if each == name else each for each in node.input]
        node.output[:] = [new_name if each == name else each for each in node.output]
    return model


@pytest.mark.parametrize(
    ("model", "changes", "cause"),
    [
        (renamed("h", "x"), {}, r"inputs missing: \['h'\], unexpected: \['x'\]"),
        (renamed("next_h", "x"), {}, r"outputs missing: \['next_h'\]"),
        (tiny_model(num_symbols=3), {}, r"input 'h' is tensor\(float\) \[B, 3\]"),
        (
            None,
            {"state": [{"name": "h", "shape": [4], "dtype": "int64"}]},
            r"the bundle says tensor\(int64\)",
        ),
        (None, {"samples_per_frame": 16}, "log_probs are"),
        (tiny_model(opset=99), {}, "opset"),
    ],
    ids=["input", "output", "vocabulary", "dtype", "framing", "opset"],
)
def test_a_graph_that_is_not_as_described_is_refused(
    tmp_path: Path, model: onnx.ModelProto | None, changes: dict[str, Any], cause: str
) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path, model, **changes))
    with pytest.raises(InvalidBundle, match=cause):
        load_acoustic_model(bundle, ON_CPU)


def test_a_precision_that_is_not_in_the_bundle_is_refused(bundle: Bundle) -> None:
    with pytest.raises(InvalidBundle, match=r"no model\.int8\.onnx"):
        load_acoustic_model(bundle, RuntimeOptions(provider="cpu", precision="int8"))


@needs_no_cuda
def test_cuda_asked_for_and_not_got_is_a_loud_warning(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING):
        model = load_acoustic_model(bundle, RuntimeOptions(provider="cuda"))
    assert model.provider == "CPUExecutionProvider"
    assert "CUDA was asked for, but the model runs on CPUExecutionProvider" in caplog.text


@pytest.mark.parametrize(("provider", "warned"), [("auto", True), ("cuda", True), ("cpu", False)])
def test_a_runtime_for_gpus_without_a_gpu_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, provider: Provider, warned: bool
) -> None:
    """As in the GPU image on a host that lends it none: ONNX Runtime falls back by itself."""
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    assert bool(missing_gpu(provider, CPU)) is warned
    assert missing_gpu(provider, CUDA) is None


@needs_no_cuda
def test_a_required_gpu_that_is_not_there_stops_the_start(bundle: Bundle) -> None:
    with pytest.raises(ProviderUnavailable, match="nvidia-smi"):
        load_acoustic_model(bundle, RuntimeOptions(require_gpu=True))


def test_the_precision_that_runs_is_told(bundle: Bundle) -> None:
    assert load_acoustic_model(bundle, RuntimeOptions(provider="cpu")).precision == "float32"


@pytest.mark.parametrize(
    ("precision", "provider", "chosen"),
    [("auto", CPU, "int8"), ("auto", CUDA, "float32"), ("float32", CPU, "float32")],
)
def test_auto_is_int8_where_a_cpu_can_have_it(
    bundle: Bundle, precision: Precision, provider: str, chosen: str
) -> None:
    both = replace(bundle, files={**bundle.files, "model.int8.onnx": ""})
    assert chosen_precision(both, RuntimeOptions(precision=precision), provider) == chosen
