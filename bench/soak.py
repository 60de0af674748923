"""A soak: many chunks as fast as the service takes them, and whether its memory grows."""

from dataclasses import dataclass

from bench.processes import Server, generate
from bench.scenarios import Bench

_NUM_STREAMS = 16
_NUM_ROUNDS = 6
_SESSION_CHUNKS = 100
_ROUND_TIMEOUT_S = 600.0


@dataclass(frozen=True, slots=True)
class Soak:
    """The service's memory over a soak."""

    num_chunks: int
    rss_mb: tuple[float, ...]  # before the first round and after each
    num_errors: int

    @property
    def growth_mb(self) -> float:
        """Over the last half: what the first half allocates for good is no leak."""
        return self.rss_mb[-1] - self.rss_mb[len(self.rss_mb) // 2]


def soak(bench: Bench, server: Server) -> Soak:
    """Streams that are not paced, in rounds, until `soak_chunks` chunks have run."""
    chunk_s = bench.bundle.chunk_frames.live * bench.bundle.framing.frame_s
    sessions = bench.options.soak_chunks / _NUM_ROUNDS / _NUM_STREAMS / _SESSION_CHUNKS
    order = bench.order(
        "streams",
        server.port,
        _NUM_STREAMS,
        start={"decoder": "greedy"},
        session_s=_SESSION_CHUNKS * chunk_s,
        is_paced=False,
        max_sessions=max(1, round(sessions)),
        duration_s=_ROUND_TIMEOUT_S,
    )
    rss_mb, audio_s, num_errors = [_rss_mb(server)], 0.0, 0
    for _ in range(_NUM_ROUNDS):
        if bench.is_out_of_time:
            break
        load = generate(order)
        audio_s += load.audio_s
        num_errors += len(load.errors)
        rss_mb.append(_rss_mb(server))
    return Soak(round(audio_s / chunk_s), tuple(rss_mb), num_errors)


def _rss_mb(server: Server) -> float:
    return server.rss_bytes() / 2**20
