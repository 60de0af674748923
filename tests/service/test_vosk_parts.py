"""The pure parts of Vosk's protocol: headers that are skipped, and results that are joined."""

import itertools
import json
import struct

from hypothesis import given
from hypothesis import strategies as st

from service.api.vosk.messages import VoskConfig
from service.api.vosk.replies import result_reply
from service.api.vosk.wav_header import WavHeaderSkipper
from service.engine.options import MAX_BEAM_WIDTH
from service.engine.transcript import Alternative, Segment, TimedWord

_CHUNK = st.builds(
    lambda name, body: name + struct.pack("<I", len(body)) + body + bytes(len(body) % 2),
    st.sampled_from([b"fmt ", b"LIST", b"bext"]),
    st.binary(max_size=40),
)
HEADER = st.builds(
    lambda chunks, size: b"RIFF" + size + b"WAVE" + b"".join(chunks) + b"data" + size,
    st.lists(_CHUNK, max_size=3),
    st.binary(min_size=4, max_size=4),
)


def skipped(stream: bytes, cuts: list[int]) -> bytes:
    """What is left of a stream that comes in pieces."""
    skipper = WavHeaderSkipper()
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    return b"".join(skipper.feed(stream[a:b]) for a, b in itertools.pairwise(edges))


@given(HEADER, st.binary(max_size=100), st.lists(st.integers(0, 200), max_size=8))
def test_a_header_is_skipped_however_it_is_cut(
    header: bytes, audio: bytes, cuts: list[int]
) -> None:
    assert skipped(header + audio, cuts) == audio


@given(st.binary(min_size=12, max_size=100), st.lists(st.integers(0, 100), max_size=8))
def test_audio_without_a_header_stays_as_it_is(audio: bytes, cuts: list[int]) -> None:
    audio = b"\1" + audio
    assert skipped(audio, cuts) == audio
    assert skipped(b"RIFF1234NOWAVE" + audio, cuts) == b"RIFF1234NOWAVE" + audio


def _segment(number: int, scores: list[float]) -> Segment:
    readings = [
        (TimedWord(f"s{number}r{rank}", number, number + 1, 0.5),) for rank in range(len(scores))
    ]
    alternatives = tuple(
        Alternative(words[0].text, score, words)
        for words, score in zip(readings[1:], scores[1:], strict=True)
    )
    return Segment(readings[0][0].text, readings[0], number, number + 1, alternatives, scores[0])


def test_however_many_alternatives_are_asked_for_there_are_only_so_many() -> None:
    segments = [_segment(number, [-float(rank) for rank in range(40)]) for number in range(4)]
    config = VoskConfig(sample_rate=8000, max_alternatives=10**9)
    told = json.loads(result_reply(segments, config, 0.0))["alternatives"]
    assert len(told) == MAX_BEAM_WIDTH


_SCORES = st.lists(st.integers(-1000, 0), min_size=1, max_size=6, unique=True).map(
    lambda scores: [float(score) for score in sorted(scores, reverse=True)]
)


@given(st.lists(_SCORES, min_size=1, max_size=4), st.integers(1, 8))
def test_joined_alternatives_are_the_best_of_all_combinations(
    scores: list[list[float]], nbest: int
) -> None:
    segments = [_segment(number, ranked) for number, ranked in enumerate(scores)]
    config = VoskConfig(sample_rate=8000, max_alternatives=nbest)
    told = json.loads(result_reply(segments, config, 0.0))["alternatives"]
    best = sorted((sum(picked) for picked in itertools.product(*scores)), reverse=True)
    assert [alternative["confidence"] for alternative in told] == best[:nbest]
    assert len({alternative["text"] for alternative in told}) == len(told)
    for alternative in told:
        assert len(alternative["result"]) == len(segments)
