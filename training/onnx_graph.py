"""The acoustic model as ONNX graphs: float32, and int8 for CPUs.

Written node by node, because a live step computes so little that what every node costs by itself
counts: a third of what a tracer makes of the same model is enough. Recurrent layers and what is
between them are time-major, [T, B, H], as ONNX's recurrent operators are.

Nodes that hold what was learned are named as the model's modules are, for `bundle_weights`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import cast

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from torch import Tensor

from training.model import AcousticModel, PhonemeConditioning, RecurrentLayer
from training.model_config import CONV_STRIDE, NUM_CONVS
from training.onnx_builder import END, GraphBuilder, Shape, Value
from training.onnx_frontend import fast_log_mel, log_mel
from training.onnx_recurrent import STATE_ANCHORS, int8_linear, int8_lstm, recurrent

BATCH = "batch"

Arrays = list[NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ActivationRanges:
    """The largest magnitudes that int8 graphs tell apart; what is larger is clipped."""

    projection: float  # of the projection's inputs
    layers: tuple[float, ...]  # of each recurrent layer's inputs


def write_float32(model: AcousticModel, path: Path) -> None:
    """Write the whole model, features included, with free batch size and chunk length."""
    onnx.save(_Network(model).made(), path)


def write_int8(model: AcousticModel, ranges: ActivationRanges, path: Path) -> None:
    """The same with recurrent layers and projection in int8, each stream's numbers its own.

    The Fourier transform stays in float32, because audio has more range than 8 bits, and the output
    layer because it costs next to nothing.
    """
    onnx.save(_Network(model, ranges).made(), path)


class _Network:
    """One graph while it is written; in float32 unless there are ranges."""

    def __init__(self, model: AcousticModel, ranges: ActivationRanges | None = None) -> None:
        self._model = model
        self._config = model.config
        self._ranges = ranges
        # Of the layers in int8; the other cells have no such operator.
        self._limits = ranges.layers if ranges and model.config.cell == "lstm" else None
        self._graph = GraphBuilder()
        self._next_states: dict[str, Value] = {}

    def made(self) -> onnx.ModelProto:
        """The graph, from the waveform to log-probabilities and the next state."""
        log_probs = self._outputs(self._layers(self._subsampling(self._features())))
        shapes = self._model.state_shapes()
        states: dict[str, Shape] = {name: (BATCH, *shape) for name, shape in shapes.items()}
        next_states = {f"next_{name}": (self._next_states[name], states[name]) for name in states}
        width = sum(self._config.output_sizes)
        return self._graph.model(
            {"waveform": (BATCH, "samples"), **states},
            {"log_probs": (log_probs, (BATCH, "frames", width)), **next_states},
        )

    def _features(self) -> Value:
        """Normalised log-mel [B, S / frame_shift, num_mel_bins]."""
        graph, config = self._graph, self._config.frontend
        samples = graph.node("Concat", "waveform_tail", "waveform", axis=1)
        self._next_states["waveform_tail"] = graph.slice(samples, 1, -config.tail_length, END)
        features = (fast_log_mel if self._ranges else log_mel)(graph, samples, config)
        centred = graph.node("Sub", features, _array(self._model.mean), name="mean")
        return graph.node("Mul", centred, _array(self._model.inverse_std), name="inverse_std")

    def _subsampling(self, features: Value) -> Value:
        """[B, S / frame_shift, num_mel_bins] to [T, B, H]."""
        graph, config, project = self._graph, self._config, self._model.subsampling.project
        x = graph.node("Unsqueeze", features, np.array([1]))
        x = self._convolution(x, "subsampling.first.conv", "first_conv")
        x = self._convolution(x, "subsampling.second.conv", "second_conv")  # [B, C, frames, bands]
        num_bands = config.frontend.num_mel_bins // CONV_STRIDE**NUM_CONVS
        x = graph.reshape(x, 0, config.conv_channels, -1, config.frames_per_step, num_bands)
        x = graph.node("Transpose", x, perm=[2, 0, 3, 1, 4])
        x = graph.reshape(x, 0, 0, project.in_features)
        if self._ranges is None:
            return self._linear(x, "subsampling.project")
        return int8_linear(graph, x, project, self._ranges.projection)

    def _convolution(self, x: Value, name: str, state: str) -> Value:
        graph = self._graph
        padded = graph.node("Concat", state, x, axis=2)
        self._next_states[state] = graph.slice(padded, 2, -1, END)
        strides, pads = [CONV_STRIDE, CONV_STRIDE], [0, 1, 0, 1]
        weights = self._parameters(name)
        x = graph.node("Conv", padded, *weights, strides=strides, pads=pads, name=name)
        return graph.node("Relu", x)

    def _layers(self, x: Value) -> Value:
        """The recurrent layers, and the lookahead above them: [T, B, H] to the same."""
        names = ["h", "c"] if self._config.cell == "lstm" else ["h"]
        states = zip(*(self._layer_states(name) for name in names), strict=True)
        last = []
        for index, layer_states in enumerate(states):
            y, after = self._cell(self._norm(x, f"layers.{index}.norm"), index, layer_states)
            x = self._graph.node("Add", x, y)
            last.append(after)
            if self._model.conditioning and index + 1 == self._config.phoneme_layer:
                x = self._conditioning(x, self._model.conditioning)
        for name, of_layers in zip(names, zip(*last, strict=True), strict=True):
            self._put_layer_states(name, of_layers)
        return self._lookahead(x)

    def _layer_states(self, name: str) -> list[Value]:
        """A state [B, L, H] as those of the layers, [1, B, H] each, with anchors where needed."""
        graph, num_layers = self._graph, self._config.num_layers
        states = graph.node("Transpose", name, perm=[1, 0, 2])
        if self._limits:
            states = graph.append(states, 3, *STATE_ANCHORS[name])
        sizes = np.ones(num_layers, np.int64)
        return graph.nodes("Split", states, sizes, num_outputs=num_layers, axis=0)

    def _put_layer_states(self, name: str, of_layers: Sequence[Value]) -> None:
        graph = self._graph
        states = graph.node("Concat", *of_layers, axis=0)
        if self._limits:
            states = graph.slice(states, 2, 0, self._config.hidden_size)
        self._next_states[name] = graph.node("Transpose", states, perm=[1, 0, 2])

    def _cell(self, x: Value, index: int, states: Sequence[Value]) -> tuple[Value, list[Value]]:
        layer = cast("RecurrentLayer", self._model.layers[index])
        if self._limits is None:
            return recurrent(self._graph, x, layer.cell, states, f"layers.{index}.cell")
        return int8_lstm(self._graph, x, layer.cell, states, self._limits[index])

    def _conditioning(self, x: Value, conditioning: PhonemeConditioning) -> Value:
        graph = self._graph
        logits = self._linear(self._norm(x, "conditioning.norm"), "conditioning.output")
        logits = graph.reshape(logits, 0, 0, *conditioning.frame_shape)
        read = graph.node("Softmax", logits, axis=-1)
        read = graph.reshape(read, 0, 0, conditioning.feedback.in_features)
        return graph.node("Add", x, self._linear(read, "conditioning.feedback"))

    def _lookahead(self, x: Value) -> Value:
        """Sums of shifted products: depthwise convolutions are slow on short chunks.

        The residual connection is part of the first weight.
        """
        graph, num_steps = self._graph, self._config.lookahead_steps
        cache = graph.node("Transpose", "lookahead", perm=[1, 0, 2])
        window = graph.node("Concat", cache, x, axis=0)
        newest = graph.slice(window, 0, -num_steps or END, END)
        self._next_states["lookahead"] = graph.node("Transpose", newest, perm=[1, 0, 2])
        weights, bias = self._parameters("lookahead.conv")
        weights = weights[:, 0].T.copy()  # [num_steps + 1, H]
        weights[0] += 1.0
        products = [
            graph.node(
                "Mul",
                graph.slice(window, 0, ahead, ahead - num_steps or END),
                weight,
                name=f"lookahead.{ahead}",
            )
            for ahead, weight in enumerate(weights)
        ]
        y = graph.node("Add", bias, products[0], name="lookahead.bias")
        return reduce(lambda y, product: graph.node("Add", y, product), products[1:], y)

    def _outputs(self, x: Value) -> Value:
        """[T, B, H] to log-probabilities [B, frames, V + P]."""
        graph, sizes = self._graph, self._config.output_sizes
        logits = self._linear(self._norm(x, "norm"), "output")
        logits = graph.node("Transpose", logits, perm=[1, 0, 2])
        logits = graph.reshape(logits, 0, -1, sum(sizes))
        parts = graph.nodes("Split", logits, np.array(sizes), num_outputs=len(sizes), axis=2)
        return graph.node(
            "Concat", *(graph.node("LogSoftmax", part, axis=-1) for part in parts), axis=2
        )

    def _norm(self, x: Value, name: str) -> Value:
        weights = self._parameters(name)
        return self._graph.node("LayerNormalization", x, *weights, name=name)

    def _linear(self, x: Value, name: str) -> Value:
        weight, bias = self._parameters(name)
        product = self._graph.node("MatMul", x, weight.T, name=name)
        return self._graph.node("Add", product, bias, name=f"{name}.bias")

    def _parameters(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Weight and bias of a module."""
        parameters = (self._model.get_parameter(f"{name}.{part}") for part in ("weight", "bias"))
        weight, bias = (_array(parameter) for parameter in parameters)
        return weight, bias


def _array(tensor: Tensor) -> NDArray[np.float32]:
    values: NDArray[np.float32] = tensor.detach().numpy()
    return values


class OnnxSteps:
    """A graph run step by step, as plainly as possible: the reference that parity is shown with."""

    def __init__(self, path: Path, model: AcousticModel) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            path, options, providers=["CPUExecutionProvider"]
        )
        self._model = model

    def log_probs(self, waveforms: NDArray[np.float32], chunk_samples: int) -> NDArray[np.float32]:
        """[B, S] in chunks of `chunk_samples`, which divide S, to log_probs [B, T, V]."""
        state: Arrays = [tensor.numpy() for tensor in self._model.initial_state(len(waveforms))]
        pieces = []
        for start in range(0, waveforms.shape[1], chunk_samples):
            chunk = waveforms[:, start : start + chunk_samples]
            log_probs, *state = self._session.run(None, self._feeds(chunk, state))
            pieces.append(log_probs)
        return np.concatenate(pieces, axis=1)

    def _feeds(self, chunk: NDArray[np.float32], state: Arrays) -> dict[str, NDArray[np.float32]]:
        return {"waveform": chunk} | dict(zip(self._model.state_shapes(), state, strict=True))
