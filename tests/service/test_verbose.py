"""The shape of `verbose_json`."""

import math

import pytest

from service.api.verbose import VerboseTranscription
from service.engine.transcript import Segment, TimedWord, Transcript

GOOD = TimedWord("good", 0.4, 0.72, 0.5)
MORNING = TimedWord("morning", 0.8, 1.2801, 0.25)
LATER = TimedWord("later", 3.0, 3.5, 0.0)
TRANSCRIPT = Transcript(
    (
        Segment("good morning", (GOOD, MORNING), 0.4, 1.2801),
        Segment("later", (LATER,), 3.0, 3.5),
    ),
    duration_s=4.0,
)


def test_words_and_segments_are_told() -> None:
    told = VerboseTranscription.of(TRANSCRIPT, "en").model_dump()
    assert (told["task"], told["language"], told["duration"]) == ("transcribe", "en", 4.0)
    assert told["text"] == "good morning later"
    assert told["words"][1] == {"word": "morning", "start": 0.8, "end": 1.28}
    first, second = told["segments"]
    assert first["avg_logprob"] == pytest.approx(math.log(0.5 * 0.25) / 2, abs=1e-3)
    assert first["compression_ratio"] == 0.6  # 12 bytes, which take 20 when compressed
    del first["avg_logprob"], first["compression_ratio"]
    assert first == {
        "id": 0, "seek": 0, "start": 0.4, "end": 1.28, "text": "good morning", "tokens": [],
        "temperature": 0.0, "no_speech_prob": 0.0,
    }  # fmt: skip
    assert (second["id"], second["text"]) == (1, "later")
    assert math.isfinite(second["avg_logprob"]), "a confidence of 0 has a logarithm, too"


def test_silence_has_neither() -> None:
    told = VerboseTranscription.of(Transcript((), 1.0), "en").model_dump()
    assert (told["text"], told["words"], told["segments"]) == ("", [], [])
