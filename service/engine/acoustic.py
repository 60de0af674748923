"""What the engine asks of an acoustic model: a pure step over a batch of equal chunks."""

from collections.abc import Sequence
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from service.engine.framing import Framing

State: TypeAlias = tuple[NDArray[np.generic], ...]
"""One stream's recurrent state, the model's own business: the bundle's state tensors in order,
without the batch axis, or where they are."""


def check_waveforms(framing: Framing, waveforms: NDArray[np.float32], num_states: int) -> None:
    """Raise ValueError where waveforms [B, S] are nothing that a model can step."""
    batch_size, num_samples = waveforms.shape
    if waveforms.dtype != np.float32 or num_samples % framing.samples_per_step:
        raise ValueError(
            f"waveforms are {waveforms.dtype} {list(waveforms.shape)}; they must be float32 "
            f"[B, a multiple of {framing.samples_per_step}]"
        )
    if batch_size != num_states:
        raise ValueError(f"{batch_size} waveforms come with {num_states} states")


class AcousticModel(Protocol):
    """A streaming acoustic model. Shared by all streams and threads; it keeps nothing of them."""

    @property
    def provider(self) -> str:
        """The execution provider that really runs, in ONNX Runtime's spelling."""
        ...

    @property
    def precision(self) -> str:
        """The precision of the weights that really run: float32, float16 or int8."""
        ...

    def initial_state(self) -> State:
        """The state of a stream that has heard nothing."""
        ...

    def step(
        self, waveforms: NDArray[np.float32], states: Sequence[State]
    ) -> tuple[NDArray[np.float32], list[State]]:
        """Advance B streams by one chunk each.

        Args:
            waveforms: [B, S] in [-1, 1], S a multiple of the framing's `samples_per_step`.
            states: the B streams' states; they are read, never changed.

        Returns:
            log_probs [B, S / samples_per_frame, V + P], natural logarithm, and the B next states.
        """
        ...
