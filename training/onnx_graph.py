"""The acoustic model as ONNX graphs: float32, and int8 for CPUs."""

import tempfile
import warnings
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType, quantize_dynamic

from training.model import AcousticModel
from training.serving_model import ActivationRanges, anchored, served

OPSET = 17
BATCH = "batch"

Arrays = list[NDArray[np.float32]]


def write_float32(model: AcousticModel, path: Path) -> None:
    """Export the whole model, features included, with free batch size and chunk length."""
    _write(served(model), path)


def _write(model: AcousticModel, path: Path) -> None:
    """Export a model as it is.

    The TorchScript exporter gives native ONNX recurrent nodes; the newer one fixes their length.
    """
    example_steps = 3
    samples = example_steps * model.config.framing.samples_per_step
    names = list(model.state_shapes())
    inputs, outputs = ["waveform", *names], ["log_probs", *(f"next_{name}" for name in names)]
    axes = {name: {0: BATCH} for name in inputs + outputs}
    axes["waveform"][1], axes["log_probs"][1] = "samples", "frames"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own deprecation, and traced shapes
        torch.onnx.export(
            model.eval(),
            (torch.zeros(2, samples), *model.initial_state(2)),
            str(path),
            input_names=inputs,
            output_names=outputs,
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )


def write_int8(model: AcousticModel, ranges: ActivationRanges, path: Path) -> None:
    """Export with recurrent layers and projection in int8, each stream's numbers its own.

    Weights keep 7 of their 8 bits: without VNNI instructions, products of full ones saturate. Every
    unit has a scale of its own. The Fourier transform stays in float32, because audio has more
    range than 8 bits, and the output layer because it costs next to nothing.
    """
    with tempfile.TemporaryDirectory() as folder:
        float32 = Path(folder) / path.name
        _write(anchored(model, ranges), float32)
        quantize_dynamic(
            float32,
            path,
            nodes_to_quantize=_nodes_to_quantize(float32),
            weight_type=QuantType.QInt8,
            reduce_range=True,
            per_channel=True,
        )


def _nodes_to_quantize(graph: Path) -> list[str]:
    return [
        node.name
        for node in onnx.load(graph).graph.node
        if node.op_type == "LSTM" or (node.op_type == "MatMul" and "/project/" in node.name)
    ]


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
