"""A bundle with a real ONNX graph, small enough to write in a test.

The graph sums a projection of every frame over time, so that its state matters:

    log_probs = log_softmax(h + cumsum(frames @ weight)),    next_h = the last of these sums
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SAMPLES_PER_FRAME = 8
VOCABULARY = ["<blank>", " ", "a", "b"]
WEIGHT = np.random.default_rng(0).normal(size=(SAMPLES_PER_FRAME, 4)).astype(np.float32)


def tiny_model(num_symbols: int = 4, opset: int = 17) -> onnx.ModelProto:
    """The graph; `num_symbols` may disagree with the vocabulary, for tests of that."""
    constants = {
        "frame_shape": np.array([0, -1, SAMPLES_PER_FRAME]),
        "weight": WEIGHT[:, :num_symbols],
        "time": np.array([1]),
        "last": np.array([-1]),
        "end": np.array([np.iinfo(np.int64).max]),
        "time_axis": np.array(1),
    }
    nodes = [
        helper.make_node("Reshape", ["waveform", "frame_shape"], ["frames"]),
        helper.make_node("MatMul", ["frames", "weight"], ["projected"]),
        helper.make_node("CumSum", ["projected", "time_axis"], ["summed"]),
        helper.make_node("Unsqueeze", ["h", "time"], ["past"]),
        helper.make_node("Add", ["summed", "past"], ["sums"]),
        helper.make_node("LogSoftmax", ["sums"], ["log_probs"], axis=-1),
        helper.make_node("Slice", ["sums", "last", "end", "time"], ["last_sum"]),
        helper.make_node("Squeeze", ["last_sum", "time"], ["next_h"]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [_tensor("waveform", ["B", "S"]), _tensor("h", ["B", num_symbols])],
        [_tensor("log_probs", ["B", "T", num_symbols]), _tensor("next_h", ["B", num_symbols])],
        [numpy_helper.from_array(array, name) for name, array in constants.items()],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def _tensor(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)


def description(model_sha256: str) -> dict[str, Any]:
    """What `bundle.json` says of `tiny_model`."""
    return {
        "format": 1,
        "name": "tiny",
        "version": "1",
        "language": "en",
        "licence": "Apache-2.0",
        "created": "2000-01-01",
        "commit": "0" * 40,
        "sample_rate": 16000,
        "samples_per_frame": SAMPLES_PER_FRAME,
        "frames_per_step": 2,
        "lookahead_frames": 0,
        "chunk_frames": {"live": 4, "bulk": 16},
        "vocabulary": VOCABULARY,
        "blank_id": 0,
        "state": [{"name": "h", "shape": [4], "dtype": "float32"}],
        "files": {"model.onnx": model_sha256},
        "decoding": {"decoder": "greedy", "beam_width": 16, "tuned_on": None},
        "training_data": [],
        "error_rates": [],
        "architecture": {},
    }


def write_tiny_bundle(
    folder: Path, model: onnx.ModelProto | None = None, **changes: object
) -> Path:
    """Write the bundle, with fields of its description changed; a field set to None is left out."""
    content = (model or tiny_model()).SerializeToString()
    (folder / "model.onnx").write_bytes(content)
    fields = description(hashlib.sha256(content).hexdigest()) | changes
    kept = {name: value for name, value in fields.items() if value is not None}
    (folder / "bundle.json").write_text(json.dumps(kept), encoding="utf-8")
    return folder
