"""The bundle's model on one whole file at a time: what every peer server does for a request."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import soundfile

from service.engine.bundle import Bundle, load_bundle
from service.engine.frames import FrameReader
from service.engine.greedy import GreedyDecoder


class WholeFileRecogniser:
    """One call of the graph a file, greedy decoding; safe for any number of threads.

    Args:
        folder: of the bundle.
        model_file: the graph in it.
        num_threads: of one call; 0 leaves ONNX Runtime's default.
    """

    def __init__(self, folder: Path, model_file: str, num_threads: int) -> None:
        self._bundle = load_bundle(folder)
        self._decoder = GreedyDecoder(self._bundle.vocabulary, self._bundle.blank_id)
        self._reader = FrameReader(self._bundle.vocabulary, self._bundle.blank_id)
        options = onnxruntime.SessionOptions()
        if num_threads:
            options.intra_op_num_threads = num_threads
        self._session = onnxruntime.InferenceSession(
            folder / model_file, options, providers=["CPUExecutionProvider"]
        )

    def text(self, file: bytes) -> str:
        """The text of a WAV file at the model's rate."""
        waveform, _ = soundfile.read(io.BytesIO(file), dtype="float32")
        framing = self._bundle.framing
        padded = np.zeros((1, framing.flushed_samples(len(waveform))), np.float32)
        padded[0, : len(waveform)] = waveform
        (log_probs,) = self._session.run(
            ["log_probs"], {"waveform": padded, **_zeros(self._bundle)}
        )
        real = framing.real_frames(0, log_probs.shape[1], len(waveform))
        (frames,) = self._reader.read(log_probs[:, real])
        state = self._decoder.advance(self._decoder.start(), frames)
        return self._decoder.hypotheses(state)[0].text


def _zeros(bundle: Bundle) -> dict[str, Any]:
    return {spec.name: np.zeros((1, *spec.shape), spec.dtype) for spec in bundle.state}
