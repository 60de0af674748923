"""A transcript and the shapes it is handed over in."""

import json

import pytest

from service.engine.transcript import (
    Segment,
    TimedWord,
    Timings,
    Transcript,
    to_json,
    to_srt,
    to_vtt,
)

GOOD = TimedWord("good", 0.4, 0.72, 0.96)
MORNING = TimedWord("morning", 0.8, 1.28, 0.5)
LATE = TimedWord("late", 3725.0056, 3725.4, 0.123456)
TRANSCRIPT = Transcript(
    (
        Segment("good morning", (GOOD, MORNING), 0.4, 1.28),
        Segment("", (), 1.28, 5.0),
        Segment("late", (LATE,), 3725.0056, 3725.4),
    ),
    duration_s=3726.12345,
)
EMPTY = Transcript((), duration_s=1.0)


def test_text_and_words_run_over_all_segments() -> None:
    assert TRANSCRIPT.text == "good morning late"
    assert TRANSCRIPT.words == (GOOD, MORNING, LATE)
    assert EMPTY.text == ""
    assert EMPTY.words == ()


def test_a_segment_is_as_sure_as_its_words_on_average() -> None:
    assert TRANSCRIPT.segments[0].confidence == pytest.approx(0.73)
    assert TRANSCRIPT.segments[1].confidence == 0.0


def test_timings_add_up() -> None:
    assert Timings(1, 2, 3) + Timings(0.5, 0.25, 0) == Timings(1.5, 2.25, 3)


def test_srt() -> None:
    assert to_srt(TRANSCRIPT) == (
        "1\n00:00:00,400 --> 00:00:01,280\ngood morning\n\n2\n01:02:05,006 --> 01:02:05,400\nlate\n"
    )
    assert to_srt(EMPTY) == ""


def test_vtt() -> None:
    assert to_vtt(TRANSCRIPT) == (
        "WEBVTT\n\n"
        "00:00:00.400 --> 00:00:01.280\ngood morning\n\n"
        "01:02:05.006 --> 01:02:05.400\nlate\n"
    )
    assert to_vtt(EMPTY) == "WEBVTT\n"


def test_vtt_escapes_what_it_would_take_for_a_tag() -> None:
    transcript = Transcript((Segment("a <b> & c", (), 0.0, 1.0),), 1.0)
    assert "a &lt;b&gt; &amp; c" in to_vtt(transcript)


@pytest.mark.parametrize(
    ("time_s", "clock"),
    [(59.9996, "00:01:00.000"), (3599.9999, "01:00:00.000"), (0.0, "00:00:00.000")],
)
def test_times_round_without_sixty_seconds(time_s: float, clock: str) -> None:
    transcript = Transcript((Segment("a", (), time_s, time_s),), 1.0)
    assert f"{clock} --> {clock}" in to_vtt(transcript)


def test_json_rounds_times_and_survives_serialisation() -> None:
    shape = to_json(TRANSCRIPT)
    assert shape["duration"] == 3726.123
    assert shape["words"][2] == {
        "word": "late",
        "start": 3725.006,
        "end": 3725.4,
        "confidence": 0.123,
    }
    assert json.loads(json.dumps(shape)) == shape
