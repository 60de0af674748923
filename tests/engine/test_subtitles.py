"""Subtitles keep every word, fit the screen, and stay as long as they can be read."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.subtitles import (
    LINE_LENGTH,
    MAX_CUE_S,
    MIN_CUE_S,
    NUM_LINES,
    Cue,
    sentences,
    to_cues,
    to_srt,
    to_vtt,
)
from service.engine.transcript import Alternative, Segment, TimedWord, Transcript


def segment(words: list[TimedWord], channel: int | None = None) -> Segment:
    text = " ".join(word.text for word in words)
    return Segment(text, tuple(words), words[0].start_s, words[-1].end_s, channel=channel)


def spoken(
    text: str, start_s: float = 0.0, word_s: float = 0.3, gap_s: float = 0.05
) -> list[TimedWord]:
    """Words of the same length, one after the other."""
    step_s = word_s + gap_s
    return [
        TimedWord(word, start_s + i * step_s, start_s + i * step_s + word_s, 0.9)
        for i, word in enumerate(text.split())
    ]


def transcript(*segments: Segment) -> Transcript:
    return Transcript(segments, max((each.end_s for each in segments), default=0.0))


GOOD_MORNING = segment([TimedWord("good", 0.4, 0.72, 0.96), TimedWord("morning", 0.8, 1.48, 0.5)])
LATE = segment([TimedWord("late", 3725.0056, 3726.4, 0.123456)])
TRANSCRIPT = transcript(GOOD_MORNING, Segment("", (), 1.48, 5.0), LATE)


def test_srt() -> None:
    assert to_srt(TRANSCRIPT) == (
        "1\n00:00:00,400 --> 00:00:01,480\ngood morning\n\n2\n01:02:05,006 --> 01:02:06,400\nlate\n"
    )
    assert to_srt(transcript()) == ""


def test_vtt() -> None:
    assert to_vtt(TRANSCRIPT) == (
        "WEBVTT\n\n"
        "00:00:00.400 --> 00:00:01.480\ngood morning\n\n"
        "01:02:05.006 --> 01:02:06.400\nlate\n"
    )
    assert to_vtt(transcript()) == "WEBVTT\n"


def test_vtt_escapes_what_it_would_take_for_a_tag() -> None:
    assert "a &lt;b&gt; &amp; c" in to_vtt(transcript(segment(spoken("a <b> & c"))))


@pytest.mark.parametrize(
    ("time_s", "clock"),
    [(59.9996, "00:01:00.000"), (3599.9999, "01:00:00.000"), (0.0, "00:00:00.000")],
)
def test_times_round_without_sixty_seconds(time_s: float, clock: str) -> None:
    word = TimedWord("a", time_s, time_s + 2, 1.0)
    assert f"{clock} --> " in to_vtt(transcript(segment([word])))


def test_a_long_text_has_two_lines_of_nearly_the_same_length() -> None:
    text = "one two three four five six seven eight nine ten"
    (cue,) = to_cues(transcript(segment(spoken(text))))
    assert cue.lines == ("one two three four five", "six seven eight nine ten")


def test_what_fits_one_line_exactly_has_one() -> None:
    text = "a" * 20 + " " + "b" * 21
    (cue,) = to_cues(transcript(segment(spoken(text, word_s=1.0))))
    assert cue.lines == (text,)


def test_a_pause_ends_a_sentence() -> None:
    words = spoken("that was the first part", 0.0) + spoken("and this the second one", 2.6)
    assert [piece.text for piece in sentences([segment(words)])] == [
        "that was the first part",
        "and this the second one",
    ]


def test_a_pause_after_less_than_a_second_does_not() -> None:
    words = spoken("yes", 0.0) + spoken("of course", 0.95)
    assert [piece.text for piece in sentences([segment(words)])] == ["yes of course"]


def test_without_a_pause_the_widest_gap_of_the_later_half_is_cut() -> None:
    first, second = spoken("word " * 14, 0.0, gap_s=0.0), spoken("word " * 8, 4.4, gap_s=0.0)
    sizes = [len(piece.words) for piece in sentences([segment(first + second)])]
    assert sizes == [14, 8]


def test_a_cue_ends_after_seven_seconds() -> None:
    words = spoken("slowly " * 10, word_s=1.0, gap_s=0.1)
    cues = to_cues(transcript(segment(words)))
    assert len(cues) > 1
    assert max(cue.end_s - cue.start_s for cue in cues) <= MAX_CUE_S


@pytest.mark.parametrize(("next_start_s", "end_s"), [(9.0, 1.0), (1.0, 1.0), (0.7, 0.7)])
def test_a_short_cue_stays_a_second_unless_the_next_one_comes(
    next_start_s: float, end_s: float
) -> None:
    short, following = segment(spoken("yes")), segment(spoken("no", next_start_s))
    assert to_cues(transcript(short, following))[0].end_s == pytest.approx(end_s)


def test_a_word_longer_than_the_screen_is_cut() -> None:
    cues = to_cues(transcript(segment(spoken("a" * 200, word_s=4.0))))
    assert "".join("".join(cue.lines) for cue in cues).replace(" ", "") == "a" * 200
    assert max(len(line) for cue in cues for line in cue.lines) <= LINE_LENGTH


def test_a_sentence_has_no_alternatives_of_the_whole_segment() -> None:
    said = Segment("a", (TimedWord("a", 0, 1, 1),), 0, 1, (Alternative("b", -1.0),))
    assert sentences([said])[0].alternatives == ()


def test_channels_are_interleaved_and_labelled() -> None:
    caller, agent = segment(spoken("hello", 2.0), 0), segment(spoken("good day", 0.5), 1)
    assert to_cues(transcript(caller, agent)) == [
        Cue(("[1] good day",), 0.5, 1.5),
        Cue(("[0] hello",), 2.0, 3.0),
    ]


WORDS = st.lists(
    st.tuples(st.text("abc", min_size=1, max_size=60), st.floats(0.04, 9), st.floats(0, 3)),
    min_size=1,
    max_size=60,
)


@given(WORDS, st.sampled_from([None, 0, 1]))
def test_any_speech_obeys_the_rules(
    parts: list[tuple[str, float, float]], channel: int | None
) -> None:
    words, now_s = [], 0.0
    for text, word_s, gap_s in parts:
        words.append(TimedWord(text, now_s, now_s + word_s, 0.5))
        now_s += word_s + gap_s
    cues = to_cues(transcript(segment(words, channel)))
    shown = " ".join(line for cue in cues for line in cue.lines).replace(f"[{channel}] ", "")
    assert shown.replace(" ", "") == "".join(word.text for word in words)
    for cue in cues:
        assert 1 <= len(cue.lines) <= NUM_LINES
        assert max(map(len, cue.lines)) <= LINE_LENGTH
        assert cue.end_s - cue.start_s <= MAX_CUE_S + 1e-6
    for cue, following in pairwise(cues):
        assert cue.end_s <= following.start_s + 1e-6
        until_s = min(cue.start_s + MIN_CUE_S, following.start_s)
        assert cue.end_s >= until_s - 1e-6
