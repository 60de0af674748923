"""A transcript and the shapes it is handed over in."""

from dataclasses import replace

import pytest

from service.engine.transcript import (
    Alternative,
    Segment,
    TimedWord,
    Timings,
    Transcript,
    to_text,
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


def test_no_reading_of_a_segment_is_longer_than_the_audio() -> None:
    other = Alternative("good mourning", -2.0, (GOOD, replace(MORNING, text="mourning")))
    segment = replace(TRANSCRIPT.segments[0], alternatives=(other,)).within(1.0)
    assert (segment.end_s, segment.words[-1].end_s) == (1.0, 1.0)
    assert [word.end_s for word in segment.alternatives[0].words] == [0.72, 1.0]


def test_timings_add_up() -> None:
    assert Timings(1, 2, 3) + Timings(0.5, 0.25, 0) == Timings(1.5, 2.25, 3)


def test_text_is_one_line_or_one_for_each_segment_of_a_channel() -> None:
    assert to_text(TRANSCRIPT) == "good morning late\n"
    assert to_text(EMPTY) == "\n"
    sides = (replace(TRANSCRIPT.segments[0], channel=1), replace(TRANSCRIPT.segments[2], channel=0))
    assert to_text(Transcript(sides, 1.0)) == "[1] good morning\n[0] late\n"
