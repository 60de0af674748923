"""A model to go on training from, out of a bundle: what `export` wrote, read back.

The float32 graph holds every weight, in half precision, so a bundle is all that another run needs.
"""

import json
from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import numpy_helper
from torch import Tensor

from service.engine.errors import InvalidBundle
from service.engine.onnx_acoustic import MODEL_FILES
from training.config import InvalidConfig, parse_config
from training.model import AcousticModel
from training.model_config import ModelConfig
from training.onnx_recurrent import GATES, operator_of


def model_of_bundle(folder: Path) -> AcousticModel:
    """The model of a bundle that `longwave export` wrote.

    Raises InvalidBundle where it is none or was written by another version.
    """
    try:
        description = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        model = AcousticModel(parse_config(ModelConfig, description["architecture"]["model"]))
        weights = _Weights(folder / MODEL_FILES["float32"])
        model.load_state_dict(weights.state_dict(model))
    except (OSError, ValueError, KeyError, InvalidConfig) as error:
        raise InvalidBundle(f"{folder} holds no model to go on from: {error}") from error
    return model


class _Weights:
    """The constants of a graph, found by the nodes that take them (`onnx_graph` names them)."""

    def __init__(self, path: Path) -> None:
        graph = onnx.load(path).graph
        self._nodes = {node.name: node for node in graph.node}
        self._values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
        for node in graph.node:
            if node.op_type == "Cast" and node.input[0] in self._values:
                self._values[node.output[0]] = self._values[node.input[0]].astype(np.float32)

    def state_dict(self, model: AcousticModel) -> dict[str, Tensor]:
        """All tensors of a model of this shape."""
        found = {name: self._input(name, 1) for name in ("mean", "inverse_std")}
        for name, module in model.named_modules():
            if isinstance(module, torch.nn.LayerNorm | torch.nn.Conv2d):
                found[f"{name}.weight"] = self._input(name, 1)
                found[f"{name}.bias"] = self._input(name, 2)
            elif isinstance(module, torch.nn.Linear):
                found[f"{name}.weight"] = self._input(name, 1).T
                found[f"{name}.bias"] = self._input(f"{name}.bias", 1)
            elif isinstance(module, torch.nn.RNNBase):
                found |= self._recurrent(name, operator_of(module))
        found |= self._lookahead(model.config.lookahead_steps)
        return {name: torch.from_numpy(value.copy()) for name, value in found.items()}

    def _input(self, node: str, index: int) -> NDArray[np.float32]:
        value: NDArray[np.float32] = self._values[self._nodes[node].input[index]]
        return value

    def _recurrent(self, name: str, kind: str) -> dict[str, NDArray[np.float32]]:
        """ONNX has a direction's axis first, its own order of gates, and both biases in one."""
        w, r, b = (self._input(name, index)[0] for index in (1, 2, 3))
        order = np.argsort(GATES[kind])
        parts = {"weight_ih": w, "weight_hh": r, "bias_ih": b[: len(w)], "bias_hh": b[len(w) :]}
        return {
            f"{name}.{part}_l0": np.concatenate([np.split(value, len(order))[i] for i in order])
            for part, value in parts.items()
        }

    def _lookahead(self, num_steps: int) -> dict[str, NDArray[np.float32]]:
        """The graph multiplies step by step, the residual connection in the first."""
        weights = np.stack([self._input(f"lookahead.{step}", 1) for step in range(num_steps + 1)])
        weights[0] -= 1.0
        return {
            "lookahead.conv.weight": weights.T[:, None],
            "lookahead.conv.bias": self._input("lookahead.bias", 0),
        }
