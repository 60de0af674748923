"""How the audio of a stream is cut: its end most of all."""

import numpy as np
import pytest

from service.engine.bundle import ChunkFrames
from service.engine.chunking import Chunk, Chunker
from service.engine.framing import Framing
from service.engine.options import Priority

FRAMING = Framing(sample_rate=1000, samples_per_frame=10, frames_per_step=2, lookahead_frames=4)
CHUNKS = ChunkFrames(live=8, bulk=128)


def chunks_of(num_frames: int, priority: Priority, somebody_speaks: bool = False) -> list[Chunk]:
    chunker = Chunker(FRAMING, CHUNKS, priority, lambda: somebody_speaks)
    chunker.push(np.ones(num_frames * FRAMING.samples_per_frame, np.float32))
    chunker.finish()
    return list(iter(chunker.next_chunk, None))


def frames_of(chunk: Chunk) -> int:
    return len(chunk.waveform) // FRAMING.samples_per_frame


@pytest.mark.parametrize("somebody_speaks", [False, True])
@pytest.mark.parametrize("priority", Priority)
@pytest.mark.parametrize("num_frames", [1, 7, 60, 123, 128, 150, 300])
def test_every_frame_comes_out_once(
    num_frames: int, priority: Priority, somebody_speaks: bool
) -> None:
    chunks = chunks_of(num_frames, priority, somebody_speaks)
    real = [range(frames_of(chunk))[chunk.real_frames] for chunk in chunks]
    assert sum(map(len, real)) == num_frames
    assert sum(chunk.waveform.sum() for chunk in chunks) == num_frames * FRAMING.samples_per_frame


@pytest.mark.parametrize("priority", list(Priority))
def test_the_end_is_one_chunk_of_few_lengths_with_little_padding(priority: Priority) -> None:
    lengths = {}
    for num_frames in range(1, 2 * CHUNKS.bulk):
        *whole, last = map(frames_of, chunks_of(num_frames, priority))
        assert all(length == CHUNKS.bulk for length in whole)
        lengths[num_frames + FRAMING.lookahead_frames - sum(whole)] = last
    assert set(lengths.values()) == {8, 16, 24, 32, 48, 64, 96, 128}
    assert all(n - left <= max(CHUNKS.live, left / 2) for left, n in lengths.items())


def test_a_file_takes_brief_steps_while_somebody_speaks() -> None:
    voices = [False]
    chunker = Chunker(FRAMING, CHUNKS, Priority.BULK, lambda: voices[0])
    chunker.push(np.ones(1000 * FRAMING.samples_per_frame, np.float32))
    lengths = []
    for voices[0] in (False, True, True, False):
        chunk = chunker.next_chunk()
        assert chunk is not None
        lengths.append(frames_of(chunk))
    assert lengths == [CHUNKS.bulk, CHUNKS.bulk // 4, CHUNKS.bulk // 4, CHUNKS.bulk]
    assert max(map(frames_of, chunks_of(123, Priority.BULK, somebody_speaks=True))) == 32
    assert max(map(frames_of, chunks_of(300, Priority.LIVE, somebody_speaks=True))) == CHUNKS.bulk
