"""Which recordings are left out: every cause, and the audio headers behind them."""

from pathlib import Path

import av
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training.corpora.candidate import Candidate
from training.corpora.duration import UnreadableAudio, audio_duration_s
from training.corpora.limits import Limits
from training.corpora.selection import Cause, required_frames, select
from training.text import decode, encode

SAMPLE_RATE = 16000
LIMITS = Limits(min_duration_s=0.2, max_duration_s=3.0, frame_s=0.04)


def tone(duration_s: float, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    times_s = np.arange(round(duration_s * sample_rate)) / sample_rate
    return (0.3 * np.sin(2 * np.pi * 300 * times_s)).astype(np.float32)


def candidate(audio: Path, text: str = "hello") -> Candidate:
    return Candidate(audio, text, "corpus", "ann", "dev")


def causes(*candidates: Candidate) -> list[Cause]:
    return [rejection.cause for rejection in select(candidates, LIMITS).rejections]


@pytest.fixture
def wav(tmp_path: Path) -> Path:
    path = tmp_path / "one-second.wav"
    soundfile.write(path, tone(1.0), SAMPLE_RATE)
    return path


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("a.wav", {"subtype": "PCM_16"}),
        ("a.wav", {"subtype": "ULAW"}),
        ("a.flac", {}),
        ("a.ogg", {"subtype": "VORBIS"}),
        ("a.opus", {"format": "OGG", "subtype": "OPUS"}),
        ("a.mp3", {}),
    ],
)
def test_duration_of_a_recording(tmp_path: Path, name: str, options: dict[str, str]) -> None:
    soundfile.write(tmp_path / name, tone(1.5), SAMPLE_RATE, **options)
    assert audio_duration_s(tmp_path / name) == pytest.approx(1.5, abs=0.1)


def test_duration_of_a_container_that_only_pyav_reads(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    with av.open(path, "w") as container:
        stream = container.add_stream("aac", rate=SAMPLE_RATE, layout="mono")
        frame = av.AudioFrame.from_ndarray(tone(1.5)[None], format="fltp", layout="mono")
        frame.sample_rate = SAMPLE_RATE
        container.mux([*stream.encode(frame), *stream.encode(None)])
    assert audio_duration_s(path) == pytest.approx(1.5, abs=0.15)


def test_duration_ignores_how_a_file_is_named(tmp_path: Path, wav: Path) -> None:
    assert audio_duration_s(wav.rename(tmp_path / "recording")) == 1.0


@pytest.mark.parametrize("content", [b"", b"<html></html>", b"RIFF\x00\x00\x00\x00WAVE", b"fLaC"])
def test_no_audio_in_a_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(UnreadableAudio, match=r"a\.wav"):
        audio_duration_s(path)
    assert causes(candidate(path)) == [Cause.UNREADABLE]


def test_a_usable_recording_is_taken_with_its_measured_duration(wav: Path) -> None:
    (utterance,) = select([candidate(wav, "Hello, Mr. 5!")], LIMITS).utterances
    assert utterance.text == "hello mister five"
    assert utterance.raw_text == "Hello, Mr. 5!"
    assert (utterance.duration_s, utterance.corpus) == (1.0, "corpus")
    assert (utterance.speaker, utterance.split) == ("ann", "dev")


def test_missing_audio(tmp_path: Path) -> None:
    assert causes(candidate(tmp_path / "none.wav"), candidate(tmp_path)) == [Cause.MISSING] * 2


@pytest.mark.parametrize("text", ["", " ", "?!...", "'"])
def test_empty_text(wav: Path, text: str) -> None:
    assert causes(candidate(wav, text)) == [Cause.EMPTY_TEXT]


@pytest.mark.parametrize("text", ["½ cup", "да", "hello ٣"])
def test_text_that_cannot_be_said(wav: Path, text: str) -> None:
    assert causes(candidate(wav, text)) == [Cause.UNSPOKEN_TEXT]


@pytest.mark.parametrize(
    ("duration_s", "expected"),
    [(0.1, [Cause.TOO_SHORT]), (0.2, []), (3.0, []), (3.1, [Cause.TOO_LONG])],
)
def test_duration_limits(tmp_path: Path, duration_s: float, expected: list[Cause]) -> None:
    soundfile.write(tmp_path / "a.wav", tone(duration_s), SAMPLE_RATE)
    assert causes(candidate(tmp_path / "a.wav", "a")) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ab" * 12 + "a", []),
        ("ab" * 13, [Cause.IMPOSSIBLE]),
        ("a" * 13, []),
        ("a" * 14, [Cause.IMPOSSIBLE]),
    ],
)
def test_one_second_has_room_for_25_symbols(wav: Path, text: str, expected: list[Cause]) -> None:
    assert causes(candidate(wav, text)) == expected


@given(st.text("ab ", max_size=20))
def test_required_frames_is_the_shortest_ctc_path(text: str) -> None:
    path: list[int] = []
    for symbol in encode(text):
        path += [0, symbol] if path and path[-1] == symbol else [symbol]
    assert required_frames(text) == len(path)
    assert decode(path) == text


def test_counts_name_every_cause(wav: Path, tmp_path: Path) -> None:
    selection = select([candidate(wav, ""), candidate(tmp_path / "none.wav")], LIMITS)
    counts = selection.counts_by_cause()
    assert set(counts) == set(Cause)
    assert (counts[Cause.EMPTY_TEXT], counts[Cause.MISSING], counts[Cause.TOO_LONG]) == (1, 1, 0)
