"""A float32 graph in half the bytes: its large weights stored in float16, widened when loaded.

The runtime folds the casts into float32 weights when it opens the graph, so nothing is slower and
all arithmetic is float32's. What is lost is the weights' precision, and `round_to_half` takes it
from the PyTorch model first: the two stay the same model.
"""

from pathlib import Path

import numpy as np
import onnx
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

MIN_ELEMENTS = 1024  # smaller tensors are not worth a node


@torch.no_grad()
def round_to_half(model: nn.Module) -> None:
    """Round every parameter to the nearest float16, in place; buffers stay as they are."""
    for parameter in model.parameters():
        parameter.copy_(parameter.half().float())


def store_weights_as_half(path: Path) -> None:
    """Rewrite the graph at `path` so that weights which float16 holds exactly are stored in it."""
    model = onnx.load(path)
    graph = model.graph
    casts = []
    for tensor in graph.initializer:
        if tensor.data_type != TensorProto.FLOAT:
            continue
        values = numpy_helper.to_array(tensor)
        if values.size < MIN_ELEMENTS or not _is_exact_in_half(values):
            continue
        name = tensor.name
        stored = f"{name}_half"
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), stored))
        casts.append(helper.make_node("Cast", [stored], [name], to=TensorProto.FLOAT))
    for index, cast in enumerate(casts):
        graph.node.insert(index, cast)
    onnx.checker.check_model(model)
    onnx.save(model, path)


def _is_exact_in_half(values: NDArray[np.float32]) -> bool:
    with np.errstate(over="ignore"):
        return bool((values.astype(np.float16).astype(np.float32) == values).all())
