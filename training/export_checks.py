"""What a bundle has to prove before it is one: that its graphs are the model that was trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from service.engine.options import Precision, RecognitionOptions, RuntimeOptions
from training.evaluate import EvaluationOptions, evaluate
from training.evaluation import Evaluation
from training.manifest import Utterance
from training.model import AcousticModel
from training.onnx_graph import OnnxSteps

MAX_PARITY_DIFFERENCE = 1e-4  # of log-probabilities
MAX_INT8_WER_DIFFERENCE = 0.005


class ExportRefused(Exception):
    """A bundle must not be written; the message says why."""


def check_parity(model: AcousticModel, graph: Path) -> None:
    """Compare PyTorch with ONNX Runtime over batch sizes and lengths, whole and in chunks.

    Raises ExportRefused where a log-probability differs by more than MAX_PARITY_DIFFERENCE.
    """
    steps, step = OnnxSteps(graph, model), model.config.framing.samples_per_step
    rng = np.random.default_rng(0)
    for batch_size, num_steps in ((1, 4), (3, 12), (8, 60)):
        waveforms = rng.normal(0.0, 0.1, (batch_size, num_steps * step)).astype(np.float32)
        with torch.no_grad():
            outputs = model(torch.from_numpy(waveforms), *model.initial_state(batch_size))
        expected = outputs[0].numpy()
        for chunk in (waveforms.shape[1], 4 * step, step):
            found = steps.log_probs(waveforms, chunk)
            difference = float(np.abs(found - expected).max())
            if not difference <= MAX_PARITY_DIFFERENCE:
                raise ExportRefused(
                    f"PyTorch and ONNX Runtime differ by {difference:.2g} in log-probabilities"
                    f" for {batch_size} streams of {num_steps} steps in chunks of {chunk} samples;"
                    f" at most {MAX_PARITY_DIFFERENCE} is allowed"
                )


def check_int8(bundle: Path, dev: Sequence[Utterance], output: Path) -> list[dict[str, Any]]:
    """Error rates of both precisions on `dev`, and how to measure them when it lies in `output`.

    Raises ExportRefused where int8 has a WER more than MAX_INT8_WER_DIFFERENCE above float32's.
    """
    precisions: tuple[Precision, ...] = ("float32", "int8")
    rates = {precision: _greedy(bundle, dev, precision) for precision in precisions}
    worse = rates["int8"].overall.words.rate - rates["float32"].overall.words.rate
    if worse > MAX_INT8_WER_DIFFERENCE:
        raise ExportRefused(
            f"the int8 model's WER on dev is {worse:.2%} above float32's;"
            f" at most {MAX_INT8_WER_DIFFERENCE:.1%} is allowed"
        )
    return [
        {
            "set": f"{group.corpus}/{group.split}",
            "precision": precision,
            "decoder": "greedy",
            "wer": round(group.words.rate, 4),
            "cer": round(group.characters.rate, 4),
            "command": f"longwave evaluate --bundle {output} --manifest .data/manifest.jsonl"
            f" --split {group.split} --decoder greedy --precision {precision}",
        }
        for precision, evaluation in rates.items()
        for group in evaluation.groups
    ]


def _greedy(bundle: Path, dev: Sequence[Utterance], precision: Precision) -> Evaluation:
    options = EvaluationOptions(
        runtime=RuntimeOptions(provider="cpu", precision=precision),
        recognition=RecognitionOptions(decoder="greedy"),
    )
    return evaluate(bundle, dev, options)
