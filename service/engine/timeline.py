"""A container's timeline: where its timestamps say that there is no sound, silence is put.

So times are those that a player shows, also where a video's sound begins late, was off for a while,
or lost packets that were damaged.
"""

import math
from collections.abc import Iterable, Iterator

import numpy as np

from service.engine.audio_track import BLOCK_SAMPLES, NativeBlock

# Below it timestamps are inexact: rounded, taken when a packet arrived, or off by what a decoder
# holds back, which is 0.128 s for WMA at 8 kHz. FFmpeg's resampler fills from 0.1 s on
# (min_hard_comp), and nobody sees a subtitle come that much too early.
_TOLERANCE_S = 0.15
# Above it a clock that was set anew is likelier: what follows in a concatenated file, or a damaged
# timestamp. Its sound is heard all the same; hours of silence would make the file too long instead.
_LONGEST_GAP_S = 3600.0
# Timestamps that are behind what was heard catch up, if some before them were late; if they are
# further behind, the clock was set back. FFmpeg draws the line here, too (-dts_delta_threshold).
_LONGEST_OVERLAP_S = 10.0


def gap_s(late_s: float) -> float:
    """How many seconds of silence belong before sound that comes so many seconds late."""
    return late_s if _TOLERANCE_S < late_s <= _LONGEST_GAP_S else 0.0


def on_timeline(
    blocks: Iterable[tuple[NativeBlock, float | None]], origin_s: float | None
) -> Iterator[NativeBlock]:
    """The blocks one after the other, with silence where timestamps leave a gap before one.

    Lateness is measured against all that was given, so inexact timestamps do not add up, and no
    block is left out, whatever its timestamp.

    Args:
        blocks: each with the time at which it begins on the container's clock, if that is known.
        origin_s: the time on that clock which players show as zero; None for the first one known.
    """
    position_s = 0.0
    for block, timestamp_s in blocks:
        if timestamp_s is not None:
            late_s = math.inf if origin_s is None else timestamp_s - origin_s - position_s
            if not -_LONGEST_OVERLAP_S <= late_s <= _LONGEST_GAP_S:
                origin_s = timestamp_s - position_s
            if missing_s := gap_s(late_s):
                yield from _silence(block, missing_s)
                position_s += missing_s
        yield block
        position_s += block.duration_s


def _silence(block: NativeBlock, duration_s: float) -> Iterator[NativeBlock]:
    """Silence of a block's channels and rate, in blocks that take little memory."""
    num_channels = len(block.waveforms)
    num_samples = round(duration_s * block.sample_rate)
    most = max(1, BLOCK_SAMPLES // num_channels)
    for start in range(0, num_samples, most):
        length = min(most, num_samples - start)
        yield NativeBlock(np.zeros((num_channels, length), np.float32), block.sample_rate)
