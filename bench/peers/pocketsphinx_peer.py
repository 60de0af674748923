"""PocketSphinx on the same speech: CPU seconds an hour of audio.

python -m bench.peers.pocketsphinx_peer CLIPS SAMPLE_RATE DURATION_S
"""

import json
import sys
import time
from pathlib import Path

from pocketsphinx import Decoder

from bench.clips import saved_clips


def measure(clips: Path, sample_rate: int, duration_s: float) -> dict[str, float]:
    """Decode clip after clip, with the US English model that comes along, for `duration_s`."""
    decoder = Decoder(samprate=float(sample_rate), loglevel="FATAL")
    audio_s, started_s, cpu_s = 0.0, time.perf_counter(), time.process_time()
    for clip in saved_clips(clips):
        decoder.start_utt()
        decoder.process_raw(clip.astype("<i2").tobytes(), full_utt=True)
        decoder.end_utt()
        audio_s += len(clip) / sample_rate
        if time.perf_counter() - started_s > duration_s:
            break
    wall_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    return {"audio_s": audio_s, "wall_s": wall_s, "cpu_s": cpu_s}


if __name__ == "__main__":
    print(json.dumps(measure(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))))
