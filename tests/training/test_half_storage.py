"""That half the bytes give the same numbers."""

from pathlib import Path

import numpy as np
import onnx
import torch

from tests.training.tiny_run import tiny_config
from training.export_checks import check_parity
from training.half_storage import MIN_ELEMENTS, round_to_half, store_weights_as_half
from training.model import AcousticModel
from training.onnx_graph import OnnxSteps, write_float32


def tiny_model(folder: Path) -> AcousticModel:
    torch.manual_seed(0)
    model = AcousticModel(tiny_config(folder, epochs=1).model)
    round_to_half(model)
    return model.eval()


def test_rounding_changes_no_weight_by_more_than_half_precision() -> None:
    layer = torch.nn.Linear(30, 30)
    before = layer.weight.detach().clone()
    round_to_half(layer)
    assert not torch.equal(layer.weight, before)
    torch.testing.assert_close(layer.weight, before, rtol=2**-11, atol=1e-7)


def test_weights_take_half_the_bytes_and_give_the_same_numbers(tmp_path: Path) -> None:
    model, path = tiny_model(tmp_path), tmp_path / "model.onnx"
    write_float32(model, path)
    waveforms = np.random.default_rng(0).normal(0, 0.1, (2, 12 * 1280)).astype(np.float32)
    before = OnnxSteps(path, model).log_probs(waveforms, 4 * 1280)
    weights_before = _large_weights(path)
    store_weights_as_half(path)
    np.testing.assert_array_equal(OnnxSteps(path, model).log_probs(waveforms, 4 * 1280), before)
    check_parity(model, path)
    sizes = [parameter.numel() for parameter in model.parameters()]
    num_large = sum(size for size in sizes if size >= MIN_ELEMENTS)
    assert weights_before - _large_weights(path) == 2 * num_large > 0  # two bytes of each


def test_weights_that_half_precision_would_change_stay(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model, path = AcousticModel(tiny_config(tmp_path, epochs=1).model).eval(), tmp_path / "m.onnx"
    write_float32(model, path)
    bytes_before = _large_weights(path)
    store_weights_as_half(path)
    assert _large_weights(path) == bytes_before


def _large_weights(path: Path) -> int:
    """Bytes of the graph's large weights."""
    tensors = onnx.load(path).graph.initializer
    return sum(len(t.raw_data) for t in tensors if np.prod(t.dims) >= MIN_ELEMENTS)
