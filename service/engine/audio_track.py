"""What reading an audio file gives, whichever library reads it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

BLOCK_SAMPLES: Final = 80_000
"""Of all channels, that are read at once: a few large reads cost less than many small ones."""


@dataclass(frozen=True, slots=True)
class NativeBlock:
    """Some of a file's audio. Samples may be beyond [-1, 1] or not finite."""

    waveforms: NDArray[np.float32]  # [C, n], full scale at 1; C >= 1 may change within a file
    sample_rate: int  # Hz; it may change within a file

    @property
    def duration_s(self) -> float:
        num_samples: int = self.waveforms.shape[1]
        return num_samples / self.sample_rate


@dataclass(frozen=True, slots=True)
class AudioTrack:
    """The audio of an open file."""

    declared_s: float | None  # how long the header says it is; None where that is a guess
    blocks: Iterator[NativeBlock]  # ends where no more can be decoded, damaged or not
