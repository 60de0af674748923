"""How large the activations of a model get, which its int8 graph has to know beforehand."""

from collections.abc import Iterator, Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from service.engine.errors import EngineError
from training.manifest import Utterance
from training.model import AcousticModel, RecurrentLayer
from training.onnx_graph import ActivationRanges
from training.recordings import read_waveform

NUM_UTTERANCES = 64
SHARE = 0.7
"""Of the largest magnitude that was measured: the few larger values are clipped, and all others are
told apart more finely, which is worth more (`training/EXPERIMENTS.md`)."""
_NOISE_LEVELS = (0.0, 0.001, 0.01, 0.1, 0.3)
_NOISE_S = 3.0


def calibration_waveforms(utterances: Sequence[Utterance], sample_rate: int) -> Iterator[Tensor]:
    """Waveforms [S] of speech that the model may know, spread over the corpora, and of noise.

    The test split is left alone. Without utterances there is noise only, from silence to loud,
    which comes close: the layers' inputs are normalised.
    """
    rng = np.random.default_rng(0)
    for level in _NOISE_LEVELS:
        noise = rng.normal(0.0, level, round(_NOISE_S * sample_rate)).clip(-1.0, 1.0)
        yield torch.from_numpy(noise.astype(np.float32))
    known = [utterance for utterance in utterances if utterance.split != "test"]
    for index in rng.permutation(len(known))[:NUM_UTTERANCES]:
        try:
            yield torch.from_numpy(read_waveform(known[index].audio, sample_rate))
        except (EngineError, OSError):
            continue  # training left it out, too


@torch.no_grad()
def measure_ranges(model: AcousticModel, utterances: Sequence[Utterance]) -> ActivationRanges:
    """The ranges that the activations to quantise are given."""
    sizes: dict[nn.Module, float] = {}

    def note(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        tensor = inputs[0] if isinstance(module, nn.Linear) else output
        sizes[module] = max(sizes.get(module, 0.0), float(tensor.abs().max()))

    layers = cast("list[RecurrentLayer]", list(model.layers))
    modules: list[nn.Module] = [model.subsampling.project, *(layer.norm for layer in layers)]
    hooks = [module.register_forward_hook(note) for module in modules]
    step = model.config.framing.samples_per_step
    for waveform in calibration_waveforms(utterances, model.config.frontend.sample_rate):
        whole = nn.functional.pad(waveform, (0, -len(waveform) % step))
        model(whole.unsqueeze(0), *model.initial_state(1))
    for hook in hooks:
        hook.remove()
    projection, *inputs = (SHARE * sizes[module] for module in modules)
    return ActivationRanges(projection, tuple(inputs))
