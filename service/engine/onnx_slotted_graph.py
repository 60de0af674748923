"""A bundle's graph with slots in the place of its states; `onnx_slots` runs it."""

from typing import Any, Final

import numpy as np

from service.engine.bundle import Bundle, StateSpec

READ: Final = "read_slots"
WRITE: Final = "write_slots"


def slotted(graph: bytes, bundle: Bundle) -> bytes:
    """The graph with a gather before it and a scatter after it.

    Inputs: waveform [B, S], read_slots [B], write_slots [B, 1], and the slots of each state
    [S, *shape] by its name. Outputs: log_probs [B, T, V + P], and the slots after the step.

    Raises:
        ImportError: the package `onnx`, which comes with the extra [gpu], is not installed.
    """
    import onnx
    from onnx import TensorProto, helper

    model = onnx.load_from_string(graph)
    nodes = list(model.graph.node)
    names = {spec.name for spec in bundle.state}
    _rename(nodes, {name: f"gathered_{name}" for name in names})
    _rename(nodes, {f"next_{name}": f"stepped_{name}" for name in names})
    slots = [_slots(spec) for spec in bundle.state]
    inputs = [
        *(value for value in model.graph.input if value.name not in names),
        helper.make_tensor_value_info(READ, TensorProto.INT64, ["batch"]),
        helper.make_tensor_value_info(WRITE, TensorProto.INT64, ["batch", 1]),
        *(helper.make_tensor_value_info(*value) for value in slots),
    ]
    outputs = [
        *(value for value in model.graph.output if value.name == "log_probs"),
        *(
            helper.make_tensor_value_info(f"next_{name}", kind, shape)
            for name, kind, shape in slots
        ),
    ]
    gathers = [helper.make_node("Gather", [name, READ], [f"gathered_{name}"]) for name, *_ in slots]
    scatters = [
        helper.make_node("ScatterND", [name, WRITE, f"stepped_{name}"], [f"next_{name}"])
        for name, *_ in slots
    ]
    wrapped = helper.make_graph(
        [*gathers, *nodes, *scatters], "slotted", inputs, outputs, model.graph.initializer
    )
    made: bytes = helper.make_model(
        wrapped, opset_imports=model.opset_import, ir_version=model.ir_version
    ).SerializeToString()
    return made


def _slots(spec: StateSpec) -> tuple[str, int, list[int | str]]:
    """Name, element type and shape of a state's slots."""
    from onnx import helper

    element = helper.np_dtype_to_tensor_dtype(np.dtype(spec.dtype))
    return spec.name, element, ["slots", *spec.shape]


def _rename(nodes: list[Any], new_names: dict[str, str]) -> None:
    """Give tensors other names, wherever nodes read or write them."""
    for node in nodes:
        node.input[:] = [new_names.get(name, name) for name in node.input]
        node.output[:] = [new_names.get(name, name) for name in node.output]
