"""What only a GPU can show; `scripts/gpu_report.py` runs these. Elsewhere they skip."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from service.engine.acoustic import AcousticModel
from service.engine.bundle import Bundle, load_bundle
from service.engine.onnx_acoustic import CPU, CUDA, load_acoustic_model
from service.engine.onnx_slots import SlottedAcousticModel, load_slotted_model
from service.engine.options import RuntimeOptions

BUNDLE = Path(__file__).parents[2] / "models" / "en"
ON_GPU = RuntimeOptions(provider="cuda", require_gpu=True, precision="float32")
NUM_STREAMS, NUM_CHUNKS = 32, 6

pytestmark = pytest.mark.skipif(
    CUDA not in onnxruntime.get_available_providers(), reason="NO GPU: CUDA is not available"
)


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    return load_bundle(BUNDLE)


@pytest.fixture(scope="module")
def on_gpu(bundle: Bundle) -> AcousticModel:
    return load_acoustic_model(bundle, ON_GPU)


def waveforms(bundle: Bundle) -> NDArray[np.float32]:
    """Noise from quiet to loud, [streams, chunks, samples]."""
    num_samples = bundle.chunk_frames.live * bundle.framing.samples_per_frame
    levels = np.geomspace(0.001, 0.3, NUM_STREAMS)[:, None, None]
    noise = np.random.default_rng(0).normal(0, 1, (NUM_STREAMS, NUM_CHUNKS, num_samples))
    return (levels * noise).clip(-1, 1).astype(np.float32)


def log_probs(model: AcousticModel, audio: NDArray[np.float32]) -> NDArray[np.float32]:
    """[streams, frames, V] of all streams stepped together."""
    states = [model.initial_state() for _ in audio]
    pieces = []
    for chunk in range(audio.shape[1]):
        piece, states = model.step(np.ascontiguousarray(audio[:, chunk]), states)
        pieces.append(piece)
    return np.concatenate(pieces, axis=1)


def test_the_gpu_really_runs_it_with_states_on_it(on_gpu: AcousticModel) -> None:
    assert isinstance(on_gpu, SlottedAcousticModel)
    assert on_gpu.provider == CUDA


def test_the_gpu_says_what_the_cpu_says(bundle: Bundle, on_gpu: AcousticModel) -> None:
    on_cpu = load_slotted_model(bundle, RuntimeOptions(precision="float32"), CPU)
    audio = waveforms(bundle)
    np.testing.assert_allclose(log_probs(on_gpu, audio), log_probs(on_cpu, audio), atol=2e-3)


def test_float16_says_nearly_what_float32_says(bundle: Bundle, on_gpu: AcousticModel) -> None:
    in_half = load_acoustic_model(bundle, replace(ON_GPU, precision="float16"))
    audio = waveforms(bundle)
    difference = np.abs(log_probs(in_half, audio) - log_probs(on_gpu, audio))
    assert 0 < difference.max() < 0.3


def test_a_stream_gets_the_same_whoever_else_is_served(
    bundle: Bundle, on_gpu: AcousticModel
) -> None:
    audio = waveforms(bundle)
    together = log_probs(on_gpu, audio)
    for stream in (0, 7, NUM_STREAMS - 1):
        alone = log_probs(on_gpu, audio[stream : stream + 1])
        np.testing.assert_allclose(alone[0], together[stream], atol=1e-4)
