"""A model that hears what it is told: tests of everything around the acoustic model need no other.

Audio "says" a symbol for one frame by standing at that symbol's level, its index in the vocabulary
over the vocabulary's size; silence is the blank. `speak(text)` makes such audio. It survives 16-bit
and 8-bit encodings and resampling, because only the middle of each frame is heard.
"""

import math
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.engine.acoustic import State
from service.engine.bundle import Bundle, ChunkFrames, StateSpec
from service.engine.decoding_defaults import DecodingDefaults
from service.engine.framing import Framing
from service.engine.onnx_acoustic import CPU

VOCABULARY = ("<blank>", " ", "'", *"abcdefghijklmnopqrstuvwxyz")
BLANK_ID = 0
FRAMING = Framing(sample_rate=16000, samples_per_frame=640, frames_per_step=2, lookahead_frames=8)
CHUNK_FRAMES = ChunkFrames(live=8, bulk=128)
CERTAINTY = 0.97  # the probability of the symbol that is heard


def say_symbols(symbol_ids: Sequence[int], framing: Framing = FRAMING) -> NDArray[np.float32]:
    """Audio [len(symbol_ids) * samples_per_frame] that says one symbol a frame."""
    levels = np.asarray(symbol_ids, np.float32) / len(VOCABULARY)
    return np.repeat(levels, framing.samples_per_frame)


def speak(text: str, framing: Framing = FRAMING) -> NDArray[np.float32]:
    """Audio whose transcript is `text`: a frame for each character and a blank frame after it."""
    symbol_ids = [id_ for character in text for id_ in (VOCABULARY.index(character), BLANK_ID)]
    return say_symbols(symbol_ids, framing)


def silence(duration_s: float, framing: Framing = FRAMING) -> NDArray[np.float32]:
    """Zeros of `duration_s` or a little more: whole frames, so that speech can follow them."""
    num_frames = math.ceil(duration_s / framing.frame_s)
    return np.zeros(num_frames * framing.samples_per_frame, np.float32)


def fake_bundle(framing: Framing = FRAMING, chunk_frames: ChunkFrames = CHUNK_FRAMES) -> Bundle:
    """The description of a `FakeAcousticModel`; there are no files behind it."""
    return Bundle(
        folder=Path("models/fake"),
        name="fake",
        version="0",
        language="en",
        licence="Apache-2.0",
        created="2000-01-01",
        commit="0" * 40,
        framing=framing,
        chunk_frames=chunk_frames,
        vocabulary=VOCABULARY,
        blank_id=BLANK_ID,
        state=(
            StateSpec("delayed", (framing.lookahead_frames,), "int64"),
            StateSpec("num_steps", (1,), "int64"),
        ),
        files={},
        decoding=DecodingDefaults(decoder="greedy", beam_width=16),
    )


def _never(_: NDArray[np.float32]) -> bool:
    return False


@dataclass
class FakeAcousticModel:
    """Hears one symbol a frame, `lookahead_frames` late. Safe for any number of threads."""

    framing: Framing = FRAMING
    latency_s: float = 0.0  # of every call
    raises_at: frozenset[int] = frozenset()  # calls, counted from 0, that fail
    poisoned: Callable[[NDArray[np.float32]], bool] = _never  # a batch with such a row [S] fails
    provider: str = CPU
    precision: str = "float32"
    batch_sizes: list[int] = field(default_factory=list)  # of all calls so far
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def initial_state(self) -> State:
        return (np.zeros(self.framing.lookahead_frames, np.int64), np.zeros(1, np.int64))

    def step(
        self, waveforms: NDArray[np.float32], states: Sequence[State]
    ) -> tuple[NDArray[np.float32], list[State]]:
        batch_size, num_samples = waveforms.shape
        assert batch_size == len(states)
        assert num_samples % self.framing.samples_per_step == 0
        self._count(batch_size)
        if any(self.poisoned(waveform) for waveform in waveforms):
            raise RuntimeError("a poisoned waveform")
        delayed = np.stack([state[0] for state in states])  # [B, lookahead]
        symbols = np.concatenate([delayed, self._hear(waveforms)], axis=1)
        num_frames = num_samples // self.framing.samples_per_frame
        next_states: list[State] = [
            (row[num_frames:].copy(), state[1] + num_frames // self.framing.frames_per_step)
            for row, state in zip(symbols, states, strict=True)
        ]
        return _log_probs(symbols[:, :num_frames]), next_states

    def _count(self, batch_size: int) -> None:
        with self._lock:
            call = len(self.batch_sizes)
            self.batch_sizes.append(batch_size)
        time.sleep(self.latency_s)
        if call in self.raises_at:
            raise RuntimeError(f"call {call} was told to fail")

    def _hear(self, waveforms: NDArray[np.float32]) -> NDArray[np.int64]:
        """The symbols [B, T] of waveforms [B, S]."""
        length = self.framing.samples_per_frame
        frames = waveforms.reshape(len(waveforms), -1, length)  # [B, T, samples_per_frame]
        level = frames[:, :, length // 4 : length - length // 4].mean(axis=2)
        symbols: NDArray[np.int64] = np.rint(level * len(VOCABULARY)).astype(np.int64)
        return symbols.clip(0, len(VOCABULARY) - 1)


def _log_probs(symbols: NDArray[np.int64]) -> NDArray[np.float32]:
    """Log-probabilities [B, T, V], natural log, that are nearly sure of symbols [B, T]."""
    others = (1 - CERTAINTY) / (len(VOCABULARY) - 1)
    probabilities = np.full((*symbols.shape, len(VOCABULARY)), others, np.float32)
    np.put_along_axis(probabilities, symbols[:, :, None], CERTAINTY, axis=2)
    return np.log(probabilities)
