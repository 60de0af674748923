"""An ONNX graph, written node by node."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET: Final = 17
IR_VERSION: Final = 8
MICROSOFT: Final = "com.microsoft"  # the domain of ONNX Runtime's own operators
END: Final = np.iinfo(np.int64).max  # of a slice: of all there is

Value: TypeAlias = str
"""A tensor of the graph, by its name."""

Operand: TypeAlias = str | NDArray[Any] | np.generic
"""A tensor of the graph, or a constant."""

Shape: TypeAlias = Sequence[int | str]
"""Sizes; those with names are free."""


class GraphBuilder:
    """Nodes in the order in which they are added; equal constants are kept once."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[tuple[str, tuple[int, ...], bytes], onnx.TensorProto] = {}

    def node(self, operator: str, *operands: Operand, **attributes: Any) -> Value:
        """Add a node with one output; an empty name stands for an input that is left out."""
        (output,) = self.nodes(operator, *operands, num_outputs=1, **attributes)
        return output

    def nodes(
        self, operator: str, *operands: Operand, num_outputs: int, **attributes: Any
    ) -> list[Value]:
        """Add a node with several outputs."""
        inputs = [each if isinstance(each, str) else self._constant(each) for each in operands]
        outputs = [f"{operator}_{len(self._nodes)}_{index}" for index in range(num_outputs)]
        self._nodes.append(helper.make_node(operator, inputs, outputs, **attributes))
        return outputs

    def reshape(self, x: Value, *shape: int) -> Value:
        """To a shape in which 0 is the size that was there and -1 what is left."""
        return self.node("Reshape", x, np.array(shape))

    def slice(self, x: Value, axis: int, start: int, end: int) -> Value:
        """From `start` up to, not including, `end`; negative: from the end of the axis."""
        return self.node("Slice", x, np.array([start]), np.array([end]), np.array([axis]))

    def append(self, x: Value, rank: int, *values: float) -> Value:
        """Tensor of so many axes, with values added to the end of each row of the last."""
        widths = np.array([*[0] * (2 * rank - 1), 1])
        for value in values:
            x = self.node("Pad", x, widths, np.float32(value))
        return x

    def model(
        self, inputs: Mapping[str, Shape], outputs: Mapping[str, tuple[Value, Shape]]
    ) -> onnx.ModelProto:
        """The whole graph, checked.

        Args:
            inputs: float32 tensors, by the names that nodes call them.
            outputs: float32 tensors and what they are to be called.
        """
        names = {value: name for name, (value, _) in outputs.items()}
        for node in self._nodes:
            node.input[:] = [names.get(value, value) for value in node.input]
            node.output[:] = [names.get(value, value) for value in node.output]
        shapes = {name: shape for name, (_, shape) in outputs.items()}
        graph = helper.make_graph(
            self._nodes, "longwave", _infos(inputs), _infos(shapes), list(self._constants.values())
        )
        opsets = [helper.make_opsetid("", OPSET), helper.make_opsetid(MICROSOFT, 1)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION)
        onnx.checker.check_model(model)
        return model

    def _constant(self, operand: NDArray[Any] | np.generic) -> Value:
        values = np.asarray(operand, order="C")
        key = (values.dtype.str, values.shape, values.tobytes())
        if key not in self._constants:
            name = f"constant_{len(self._constants)}"
            self._constants[key] = numpy_helper.from_array(values, name)
        return self._constants[key].name


def _infos(shapes: Mapping[str, Shape]) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
        for name, shape in shapes.items()
    ]
