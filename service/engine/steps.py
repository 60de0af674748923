"""The scheduler's jobs: one step of one stream, and a batch of them run by the model."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.acoustic import AcousticModel, State
from service.engine.frames import FrameReader, Frames


@dataclass(frozen=True, slots=True)
class Step:
    """One stream's next chunk."""

    waveform: NDArray[np.float32]  # [S]
    state: State
    listen: Callable[[Frames], Any]  # in the worker's thread; pure, as a step may run twice


@dataclass(frozen=True, slots=True)
class Stepped:
    """What came of it."""

    heard: Any  # what `listen` made of the frames
    state: State
    run_s: float  # of the whole batch, in the acoustic model


class StepRunner:
    """Runs steps of equal length as one batch. Called from any number of threads."""

    def __init__(self, model: AcousticModel, reader: FrameReader) -> None:
        self._model = model
        self._reader = reader

    def __call__(self, steps: Sequence[Step]) -> list[Stepped]:
        waveforms = np.concatenate([step.waveform for step in steps]).reshape(len(steps), -1)
        started_s = time.perf_counter()
        log_probs, states = self._model.step(waveforms, [step.state for step in steps])
        run_s = time.perf_counter() - started_s
        rows = zip(steps, self._reader.read(log_probs), states, strict=True)
        return [Stepped(step.listen(frames), state, run_s) for step, frames, state in rows]
