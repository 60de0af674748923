"""The graph in half precision: what it computes, and that only large products are in float16."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from service.engine.bundle import load_bundle
from service.engine.onnx_acoustic import CPU, load_acoustic_model
from service.engine.onnx_half_graph import halved
from service.engine.onnx_slots import load_slotted_model
from service.engine.options import RuntimeOptions
from tests.tiny_bundle import write_tiny_bundle

HIDDEN, INPUTS = 6, 5
RNG = np.random.default_rng(0)
WEIGHTS = {
    "projection": RNG.normal(0, 0.4, size=(INPUTS, HIDDEN)),
    "w": RNG.normal(0, 0.4, size=(1, 4 * HIDDEN, HIDDEN)),
    "r": RNG.normal(0, 0.4, size=(1, 4 * HIDDEN, HIDDEN)),
}


def stored_in_half() -> onnx.ModelProto:
    """An LSTM over projected inputs [T, B, INPUTS], its weights in float16 as a bundle has them."""
    initializers = [
        numpy_helper.from_array(values.astype(np.float16), f"{name}_half")
        for name, values in WEIGHTS.items()
    ]
    initializers.append(numpy_helper.from_array(np.full(8 * HIDDEN, 0.1, np.float32)[None], "b"))
    nodes = [
        *(helper.make_node("Cast", [f"{n}_half"], [n], to=TensorProto.FLOAT) for n in WEIGHTS),
        helper.make_node("MatMul", ["x", "projection"], ["projected"]),
        helper.make_node(
            "LSTM",
            ["projected", "w", "r", "b", "", "h", "c"],
            ["y", "next_h", "next_c"],
            hidden_size=HIDDEN,
        ),
    ]
    shapes: dict[str, list[int | str]] = {
        "x": ["T", "B", INPUTS], "h": [1, "B", HIDDEN], "c": [1, "B", HIDDEN],
        "y": ["T", 1, "B", HIDDEN], "next_h": [1, "B", HIDDEN], "next_c": [1, "B", HIDDEN],
    }  # fmt: skip
    values = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n, shape in shapes.items()
    ]
    graph = helper.make_graph(nodes, "lstm", values[:3], values[3:], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def outputs(model: onnx.ModelProto) -> list[NDArray[np.float32]]:
    rng = np.random.default_rng(1)
    shapes = {"x": (7, 3, INPUTS), "h": (1, 3, HIDDEN), "c": (1, 3, HIDDEN)}
    feeds = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    return [np.asarray(each) for each in ReferenceEvaluator(model).run(None, feeds)]


def test_it_computes_nearly_the_same() -> None:
    model = stored_in_half()
    half = onnx.load_from_string(halved(model.SerializeToString()))
    onnx.checker.check_model(half)
    for expected, found in zip(outputs(model), outputs(half), strict=True):
        assert found.dtype == np.float32
        assert 0 < np.abs(found - expected).max() < 0.02


def test_products_take_float16_and_nothing_is_widened_in_vain() -> None:
    half = onnx.load_from_string(halved(stored_in_half().SerializeToString()))
    inputs = {node.op_type: set(node.input) for node in half.graph.node if node.op_type != "Cast"}
    assert inputs["MatMul"] >= {"projection_half"}
    assert inputs["LSTM"] >= {"w_half", "r_half", ""}
    assert not {f"{name}_half" for name in WEIGHTS} & {
        name for node in half.graph.node if node.op_type == "Cast" for name in node.input
    }


def test_weights_in_float32_stay_as_they_are(tmp_path: Path) -> None:
    graph = (write_tiny_bundle(tmp_path) / "model.onnx").read_bytes()
    before, after = onnx.load_from_string(graph), onnx.load_from_string(halved(graph))
    assert list(after.graph.node) == list(before.graph.node)


@pytest.mark.parametrize("with_slots", [False, True])
def test_a_bundle_runs_in_float16(tmp_path: Path, with_slots: bool) -> None:
    bundle = load_bundle(write_tiny_bundle(tmp_path))
    options = RuntimeOptions(provider="cpu", precision="float16")
    load = load_slotted_model(bundle, options, CPU) if with_slots else None
    model = load or load_acoustic_model(bundle, options)
    assert model.precision == "float16"
    whole = load_acoustic_model(bundle, RuntimeOptions(provider="cpu", precision="float32"))
    waveforms = np.linspace(-1, 1, 32, dtype=np.float32)[None]
    log_probs, _ = model.step(waveforms, [model.initial_state()])
    expected, _ = whole.step(waveforms, [whole.initial_state()])
    np.testing.assert_allclose(log_probs, expected, atol=0.01)
