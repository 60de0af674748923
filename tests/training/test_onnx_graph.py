"""That the graphs compute what the trained model does, by other operations."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor

from training.activation_ranges import measure_ranges
from training.frontend import FrontendConfig, LogMel
from training.model import AcousticModel
from training.model_config import CELLS, ModelConfig
from training.onnx_builder import GraphBuilder, Value
from training.onnx_frontend import fast_log_mel, log_mel
from training.onnx_graph import write_float32, write_int8
from training.onnx_recurrent import STATE_ANCHORS, int8_linear, int8_lstm

CONFIG = FrontendConfig()
SMALL = ModelConfig(hidden_size=16, num_layers=2, conv_channels=4, num_phonemes=5, phoneme_layer=1)


def noise(*shape: int, level: float = 0.1) -> Tensor:
    values = np.random.default_rng(3).normal(0.0, level, shape)
    return torch.from_numpy(values.astype(np.float32))


def run(graph: onnx.ModelProto | Path, **feeds: Tensor) -> list[NDArray[np.float32]]:
    source = str(graph) if isinstance(graph, Path) else graph.SerializeToString()
    session = onnxruntime.InferenceSession(source, providers=["CPUExecutionProvider"])
    outputs: list[NDArray[np.float32]] = session.run(
        None, {name: tensor.numpy() for name, tensor in feeds.items()}
    )
    return outputs


@pytest.mark.parametrize("features", [log_mel, fast_log_mel])
@pytest.mark.parametrize("config", [CONFIG, FrontendConfig(sample_rate=8000)], ids=["16k", "8k"])
@pytest.mark.parametrize("level", [0.3, 0.01, 0.0])
@pytest.mark.parametrize("offset", [0.0, 0.1], ids=["centred", "with DC"])
def test_features_are_the_models(
    features: Callable[[GraphBuilder, Value, FrontendConfig], Value],
    config: FrontendConfig,
    level: float,
    offset: float,
) -> None:
    samples = noise(3, config.tail_length + 20 * config.frame_shift, level=level) + offset
    tail, waveform = samples.double().tensor_split([config.tail_length], dim=1)
    expected, _ = LogMel(config).double()(waveform, tail)
    graph = GraphBuilder()
    made = features(graph, "samples", config)
    shape = ("batch", "frames", config.num_mel_bins)
    (found,) = run(
        graph.model({"samples": ("batch", "length")}, {"features": (made, shape)}), samples=samples
    )
    assert found.shape == (3, 20, config.num_mel_bins)
    if level:  # the rounding of an offset without anything on it is as loud as the floor
        np.testing.assert_allclose(found, expected, rtol=0, atol=2e-2 if offset else 2e-3)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize("lookahead_steps", [0, 3])
@pytest.mark.parametrize("phoneme_output", [False, True])
@torch.no_grad()
def test_a_graph_steps_as_the_model_does(
    cell: str, lookahead_steps: int, phoneme_output: bool, tmp_path: Path
) -> None:
    config = ModelConfig(
        cell=cell,
        lookahead_steps=lookahead_steps,
        hidden_size=16,
        num_layers=3,
        conv_channels=4,
        num_phonemes=5,
        phoneme_output=phoneme_output,
    )
    torch.manual_seed(0)
    model = AcousticModel(config).eval()
    model.mean.normal_()
    model.inverse_std.uniform_(0.5, 2.0)
    waveform = noise(2, 6 * config.framing.samples_per_step)
    states = {name: noise(2, *shape, level=0.3) for name, shape in model.state_shapes().items()}
    expected = model(waveform, *states.values())
    write_float32(model, tmp_path / "float32.onnx")
    found = run(tmp_path / "float32.onnx", waveform=waveform, **states)
    for values, tensor in zip(found, expected, strict=True):
        np.testing.assert_allclose(values, tensor, rtol=1e-4, atol=1e-4)
    write_int8(model, measure_ranges(model, []), tmp_path / "int8.onnx")
    found = run(tmp_path / "int8.onnx", waveform=waveform, **states)
    assert [values.shape for values in found] == [tuple(tensor.shape) for tensor in expected]
    assert 0 < np.abs(found[0] - expected[0].numpy()).mean() < 0.1


@torch.no_grad()
def test_a_stream_has_the_same_numbers_in_any_company_and_cut(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = AcousticModel(SMALL).eval()
    step = SMALL.framing.samples_per_step
    write_int8(model, measure_ranges(model, []), tmp_path / "int8.onnx")
    loud = noise(3, 8 * step, level=0.9).clamp(-1, 1)
    quiet = loud[:1] / 100

    def log_probs(waveform: Tensor, num_steps: int) -> NDArray[np.float32]:
        names, state = list(model.state_shapes()), list(model.initial_state(len(waveform)))
        pieces = []
        for chunk in torch.split(waveform, num_steps * step, dim=1):
            feeds = dict(zip(names, state, strict=True))
            piece, *after = run(tmp_path / "int8.onnx", waveform=chunk, **feeds)
            state = [torch.from_numpy(values) for values in after]
            pieces.append(piece)
        return np.concatenate(pieces, axis=1)

    alone = log_probs(quiet, 8)
    np.testing.assert_allclose(log_probs(torch.cat([quiet, loud]), 8)[:1], alone, atol=1e-5)
    np.testing.assert_allclose(log_probs(quiet, 2), alone, atol=1e-5)


@torch.no_grad()
def test_the_anchors_of_a_layer_hold_for_ever() -> None:
    cell = torch.nn.LSTM(16, 16)
    graph = GraphBuilder()
    states = [graph.append(name, 3, *STATE_ANCHORS[name]) for name in ("h", "c")]
    _, last = int8_lstm(graph, "x", cell, states, limit=4.0)
    model = graph.model(
        {"x": ("T", 1, 16), "h": (1, 1, 16), "c": (1, 1, 16)},
        {f"last_{name}": (each, (1, 1, 18)) for name, each in zip("hc", last, strict=True)},
    )
    zeros = torch.zeros(1, 1, 16)
    last_h, last_c = run(model, x=noise(500, 1, 16, level=3.0), h=zeros, c=zeros)
    assert tuple(last_h[0, 0, -2:]) == STATE_ANCHORS["h"]
    assert tuple(last_c[0, 0, -2:]) == STATE_ANCHORS["c"]
    assert np.abs(last_h).max() <= 1.0


@torch.no_grad()
def test_what_is_beyond_the_range_is_clipped() -> None:
    linear = torch.nn.Linear(3, 2)
    graph = GraphBuilder()
    projected = int8_linear(graph, "x", linear, limit=2.0)
    model = graph.model({"x": ("T", 1, 3)}, {"y": (projected, ("T", 1, 2))})
    (found,) = run(model, x=torch.tensor([[[1.0, 2.0, 50.0]]]))
    expected = linear(torch.tensor([[[1.0, 2.0, 2.0]]]))
    np.testing.assert_allclose(found, expected, atol=0.03)


def test_ranges_hold_what_was_measured() -> None:
    model = AcousticModel(SMALL).eval()
    ranges = measure_ranges(model, [])
    assert ranges.projection > 0
    assert len(ranges.layers) == SMALL.num_layers
    assert all(1.0 < limit <= 1.1 * SMALL.hidden_size**0.5 for limit in ranges.layers)


def test_equal_constants_are_kept_once_and_names_are_those_of_the_model(tmp_path: Path) -> None:
    write_float32(AcousticModel(SMALL), tmp_path / "model.onnx")
    graph = onnx.load(tmp_path / "model.onnx").graph
    contents = [(c.data_type, tuple(c.dims), c.raw_data) for c in graph.initializer]
    assert len(set(contents)) == len(contents)
    names = {node.name for node in graph.node}
    assert {"layers.1.cell", "conditioning.output", "output.bias", "lookahead.0"} <= names
