"""A bundle's float32 graph with its large products in float16, for GPUs.

A bundle stores its large weights in float16 and widens them when it is loaded. Here the nodes that
use them take them as they are: what goes into such a node is rounded to float16, and what comes
out is widened again. Features, residual sums, norms, softmaxes and the states stay in float32, so
nothing can overflow and little is lost. (The choice is that of mixed-precision training:
Micikevicius et al., Mixed Precision Training, 2018.)
"""

from typing import Any, Final

_PRODUCTS: Final = {"MatMul", "Gemm", "Conv", "LSTM", "GRU", "RNN"}
_LENGTHS: Final = 4  # index of the input of recurrent nodes that is no float: their rows' lengths


def halved(graph: bytes) -> bytes:
    """The graph with products of stored float16 weights in float16; inputs and outputs stay.

    Raises:
        ImportError: the package `onnx`, which comes with the extra [gpu], is not installed.
    """
    import onnx
    from onnx import TensorProto

    model = onnx.load_from_string(graph)
    stored = {
        tensor.name for tensor in model.graph.initializer if tensor.data_type == TensorProto.FLOAT16
    }
    widened = {
        node.output[0]: node.input[0]
        for node in model.graph.node
        if node.op_type == "Cast" and node.input[0] in stored
    }
    nodes = []
    for node in model.graph.node:
        is_product = node.op_type in _PRODUCTS and any(name in widened for name in node.input)
        nodes += _in_half(node, widened) if is_product else [node]
    used = {name for node in nodes for name in node.input}
    del model.graph.node[:]
    model.graph.node.extend(
        node for node in nodes if node.output[0] not in widened or node.output[0] in used
    )
    made: bytes = model.SerializeToString()
    return made


def _in_half(node: Any, widened: dict[str, str]) -> list[Any]:
    """The node in float16 between the casts that it needs."""
    from onnx import TensorProto, helper

    before, after = [], []
    for index, name in enumerate(node.input):
        if name in widened:
            node.input[index] = widened[name]
        elif name and index != _LENGTHS:
            node.input[index] = f"{node.output[0]}_half_input_{index}"
            before.append(
                helper.make_node("Cast", [name], [node.input[index]], to=TensorProto.FLOAT16)
            )
    for index, name in enumerate(node.output):
        if name:
            node.output[index] = f"{name}_half"
            after.append(
                helper.make_node("Cast", [node.output[index]], [name], to=TensorProto.FLOAT)
            )
    return [*before, node, *after]
