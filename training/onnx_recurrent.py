"""Recurrent layers in ONNX graphs: of any cell in float32, and LSTMs in int8.

ONNX Runtime's int8 LSTM takes the scale of an activation from the smallest and the largest value of
all that it computes at once, so that a stream's numbers would depend on who else is in its batch
and on how it was cut. An anchor is a value that is always there and at the end of a fixed range,
beyond which everything else is clipped: the operator then finds that range each time. Two more
inputs stand at the ends of their range. Two more units hold their cell for ever, one far above zero
and one far below, so that they put out 1 and -1, between which the hidden state of an LSTM lies by
its definition. Anchors meet weights of zero, and change nothing else.
"""

from collections.abc import Sequence
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from torch import nn

from training.onnx_builder import MICROSOFT, GraphBuilder, Operand, Value

Weights: TypeAlias = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32]]
"""Of inputs [G, H, I], of the hidden state [G, H, H], and biases [2, G, H], by gate."""

GATES: Final = {"LSTM": (0, 3, 1, 2), "GRU": (1, 0, 2), "RNN": (0,)}
"""ONNX's order of gates, in PyTorch's numbers."""

_NUM_ANCHORS: Final = 2  # the two ends of a range
_SATURATED: Final = 40.0  # a gate's input that is as good as infinite
_HELD: Final = (-1.0, 1.0, 1.0, 0.0)  # input gate shut, output and forget gates open, nothing new
_FULL_SCALE: Final = 64  # without VNNI instructions, products of full 8 bits saturate

STATE_ANCHORS: Final = {"h": (1.0, -1.0), "c": (_SATURATED, -_SATURATED)}
"""What to append to the states of an int8 LSTM."""


def operator_of(cell: nn.RNNBase) -> str:
    """What ONNX calls a cell."""
    return cell.mode.partition("_")[0]  # PyTorch tells the nonlinearity of an RNN, too


def recurrent(
    graph: GraphBuilder, x: Value, cell: nn.RNNBase, states: Sequence[Value], name: str
) -> tuple[Value, list[Value]]:
    """A layer: x [T, B, H] and its states [1, B, H] to y [T, B, H] and the states after."""
    operator = operator_of(cell)
    of_inputs, of_hidden, biases = _weights(cell)
    attributes = {"linear_before_reset": 1} if operator == "GRU" else {}
    y, *last = graph.nodes(
        operator,
        x,
        _in_a_row(of_inputs),
        _in_a_row(of_hidden),
        biases.reshape(1, -1),
        "",
        *states,
        num_outputs=1 + len(states),
        hidden_size=cell.hidden_size,
        name=name,
        **attributes,
    )
    return graph.node("Squeeze", y, np.array([1])), last


def int8_lstm(
    graph: GraphBuilder, x: Value, cell: nn.RNNBase, states: Sequence[Value], limit: float
) -> tuple[Value, list[Value]]:
    """As `recurrent`, of an LSTM whose inputs have that limit; its states have their anchors."""
    of_inputs, of_hidden, biases = _with_anchors(_weights(cell))
    quantised = [
        _quantised(_in_a_row(weights).swapaxes(1, 2)) for weights in (of_inputs, of_hidden)
    ]
    scales: list[Operand] = []
    for _, scale, zero in quantised:
        scales += [scale, zero]
    clipped = graph.node("Clip", x, np.float32(-limit), np.float32(limit))
    y, *last = graph.nodes(
        "DynamicQuantizeLSTM",
        graph.append(clipped, 3, limit, -limit),
        *(weights for weights, *_ in quantised),
        biases.reshape(1, -1),
        "",
        *states,
        "",
        *scales,
        num_outputs=3,
        hidden_size=cell.hidden_size + _NUM_ANCHORS,
        domain=MICROSOFT,
    )
    y = graph.node("Squeeze", y, np.array([1]))
    return graph.slice(y, 2, 0, cell.hidden_size), last


def int8_linear(graph: GraphBuilder, x: Value, linear: nn.Linear, limit: float) -> Value:
    """A linear layer of inputs that are not negative; those beyond the limit are clipped."""
    weights, scales, zeros = _quantised(linear.weight.detach().numpy().T[None])
    scale, zero = np.float32(limit / np.iinfo(np.uint8).max), np.uint8(0)
    return graph.node(
        "MatMulIntegerToFloat",
        graph.node("QuantizeLinear", x, scale, zero),
        weights[0],
        scale,
        scales[0],
        zero,
        zeros[0],
        linear.bias.detach().numpy(),
        domain=MICROSOFT,
    )


def _weights(cell: nn.RNNBase) -> Weights:
    """A cell's weights, its gates in the order of ONNX."""
    order = list(GATES[operator_of(cell)])

    def by_gate(name: str) -> NDArray[np.float32]:
        values: NDArray[np.float32] = cell.get_parameter(name).detach().numpy()
        return values.reshape(len(order), cell.hidden_size, -1)[order]

    biases = [by_gate(name)[:, :, 0] for name in ("bias_ih_l0", "bias_hh_l0")]
    return by_gate("weight_ih_l0"), by_gate("weight_hh_l0"), np.stack(biases)


def _with_anchors(weights: Weights) -> Weights:
    """An LSTM with two inputs more, of weight zero, and two units more, of nothing but biases."""
    of_inputs, of_hidden, biases = weights
    wider = ((0, 0), (0, _NUM_ANCHORS), (0, _NUM_ANCHORS))
    biases = np.pad(biases, ((0, 0), (0, 0), (0, _NUM_ANCHORS)))
    biases[0, :, -_NUM_ANCHORS:] = _SATURATED * np.array(_HELD, np.float32)[:, None]
    return np.pad(of_inputs, wider), np.pad(of_hidden, wider), biases


def _in_a_row(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """[G, H, I] as the one direction of a recurrent operator, [1, G * H, I]."""
    return weights.reshape(1, -1, weights.shape[2])


def _quantised(
    weights: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32], NDArray[np.int8]]:
    """[N, I, O] in 7 bits, with scales and zero points [N, O]: every unit has its own."""
    largest = np.abs(weights).max(axis=1, keepdims=True)
    scales = np.where(largest > 0, largest / _FULL_SCALE, 1).astype(np.float32)
    scaled = np.rint(weights / scales).astype(np.int8)
    return scaled, scales[:, 0], np.zeros(scales[:, 0].shape, np.int8)
