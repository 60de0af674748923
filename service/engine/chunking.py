"""A stream's samples, cut into the chunks that its model steps over."""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from service.engine.bundle import ChunkFrames
from service.engine.framing import Framing
from service.engine.options import Priority

_BRIEF_SHARE: Final = 4
"""A bulk chunk is so many times longer than one that somebody who speaks may have to wait for."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """One step's audio."""

    waveform: NDArray[np.float32]  # [S]
    real_frames: slice  # which of its output frames describe real audio
    first_frame: int  # of those, from the start of the stream


class Chunker:
    """Holds what has arrived and cuts chunks of only a few lengths, so that streams share batches.

    A live stream is cut into live chunks, and into bulk chunks while it has fallen behind by that
    much; a bulk stream into bulk chunks, and into brief ones while somebody speaks, who would wait
    for a long step. The end of either is one chunk, since somebody may be waiting for its text,
    padded with zeros to the next of the few lengths that it may have.

    Args:
        framing: the model's time grid.
        chunk_frames: lengths of chunks.
        priority: the stream's.
        somebody_speaks: whether live streams are open.
    """

    def __init__(
        self,
        framing: Framing,
        chunk_frames: ChunkFrames,
        priority: Priority,
        somebody_speaks: Callable[[], bool],
    ) -> None:
        self._framing = framing
        self._is_live = priority is Priority.LIVE
        self._somebody_speaks = somebody_speaks
        self._live = chunk_frames.live * framing.samples_per_frame  # samples
        self._bulk = chunk_frames.bulk * framing.samples_per_frame  # samples
        self._last_lengths = _last_lengths(self._live, self._bulk)
        self._brief = max(
            n for n in self._last_lengths if n <= max(self._live, self._bulk // _BRIEF_SHARE)
        )
        self._blocks: deque[NDArray[np.float32]] = deque()  # arrived, not cut yet
        self._num_cut = 0  # samples
        self._finished = False
        self.num_samples = 0  # that have arrived

    def push(self, waveform: NDArray[np.float32]) -> None:
        """Take in samples [n]. The array is the chunker's from now on."""
        if len(waveform):
            self._blocks.append(waveform)
            self.num_samples += len(waveform)

    def finish(self) -> None:
        """Nothing more will arrive: what is left may be cut, padded."""
        self._finished = True

    @property
    def num_frames(self) -> int:
        """Frames that describe what has arrived; the last may be partly padding."""
        return self._framing.num_frames(self.num_samples)

    def rest(self) -> Chunk:
        """All that is not cut yet, padded until its last frame comes out; it stays uncut.

        One chunk, of whatever length: a model keeps a stream's state and the one before it, so that
        what is not to count may take one step, no more.
        """
        length = self._framing.flushed_samples(self.num_samples) - self._num_cut
        waveform = np.zeros(length, np.float32)
        num_waiting = self.num_samples - self._num_cut
        np.concatenate([np.zeros(0, np.float32), *self._blocks], out=waveform[:num_waiting])
        return Chunk(waveform, *self._frames_of(length))

    def next_chunk(self) -> Chunk | None:
        """The next chunk, or None while there is not enough for one, or after the last."""
        length = self._next_length()
        if length == 0:
            return None
        frames = self._frames_of(length)
        self._num_cut += length
        return Chunk(self._take(length), *frames)

    def _frames_of(self, length: int) -> tuple[slice, int]:
        """Which outputs of the next `length` samples are real, and which frame is their first."""
        first_output = self._num_cut // self._framing.samples_per_frame
        num_outputs = length // self._framing.samples_per_frame
        real_frames = self._framing.real_frames(first_output, num_outputs, self.num_samples)
        return real_frames, max(0, first_output - self._framing.lookahead_frames)

    def _next_length(self) -> int:
        """Samples in the next chunk; 0 if there is none."""
        if self._finished:
            return self._next_last_length()
        num_waiting = self.num_samples - self._num_cut
        longest = self._longest()
        if num_waiting >= longest:
            return longest
        return self._live if self._is_live and num_waiting >= self._live else 0

    def _next_last_length(self) -> int:
        if self.num_samples == 0:
            return 0
        num_left = self._framing.flushed_samples(self.num_samples) - self._num_cut
        if num_left <= 0:
            return 0
        longest = self._longest()
        return next(n for n in self._last_lengths if n >= min(num_left, longest))

    def _longest(self) -> int:
        """Samples in a chunk at most."""
        return self._brief if not self._is_live and self._somebody_speaks() else self._bulk

    def _take(self, length: int) -> NDArray[np.float32]:
        """Cut the next `length` samples; where they run out, zeros follow."""
        if self._blocks and len(self._blocks[0]) == length:  # as a live stream's are
            return self._blocks.popleft()
        chunk = np.zeros(length, np.float32)
        num_taken = 0
        while num_taken < length and self._blocks:
            block = self._blocks.popleft()
            piece, rest = block[: length - num_taken], block[length - num_taken :]
            chunk[num_taken : num_taken + len(piece)] = piece
            num_taken += len(piece)
            if len(rest):
                self._blocks.appendleft(rest)
        return chunk


def _last_lengths(shortest: int, longest: int) -> list[int]:
    """The lengths of last chunks, ascending: powers of two of the shortest, and halfway between.

    Most of a short file is in its last chunk. Padding to the next of these lengths adds a sixth to
    that on average, where the longest would add all; and they are few, so that streams of other
    ends share the batch.
    """
    powers = [shortest << doublings for doublings in range((longest // shortest).bit_length())]
    halfway = [power + power // 2 for power in powers if power > shortest]
    return sorted(length for length in {*powers, *halfway, longest} if length <= longest)
