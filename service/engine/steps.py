"""The scheduler's jobs: one step of one stream, and a batch of them run by the model."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from service.engine.acoustic import AcousticModel, State
from service.engine.frames import FrameReader, Frames


@dataclass(frozen=True, slots=True)
class Step:
    """One stream's next chunk."""

    waveform: NDArray[np.float32]  # [S]
    state: State


@dataclass(frozen=True, slots=True)
class Stepped:
    """What the model made of it."""

    frames: Frames
    state: State


class StepRunner:
    """Runs steps of equal length as one batch. Called from any number of threads."""

    def __init__(self, model: AcousticModel, reader: FrameReader) -> None:
        self._model = model
        self._reader = reader

    def __call__(self, steps: Sequence[Step]) -> list[Stepped]:
        waveforms = np.concatenate([step.waveform for step in steps]).reshape(len(steps), -1)
        log_probs, states = self._model.step(waveforms, [step.state for step in steps])
        frames = self._reader.read(log_probs)
        return [Stepped(*row) for row in zip(frames, states, strict=True)]
