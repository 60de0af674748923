"""The JSON of a transcript."""

import json

from service.api.schemas import TranscriptionResponse
from service.engine.transcript import Alternative, Segment, TimedWord, Transcript
from tests.fakes import fake_bundle

LATE = TimedWord("late", 3725.0056, 3725.4, 0.123456)
SEGMENT = Segment("late", (LATE,), 3725.0056, 3725.4, (Alternative("lay", -1.23456),), channel=1)
TRANSCRIPT = Transcript((SEGMENT,), duration_s=3726.12345)


def test_times_and_confidences_are_rounded() -> None:
    text = TranscriptionResponse.of(TRANSCRIPT, fake_bundle()).model_dump_json(exclude_none=True)
    shape = json.loads(text)
    assert shape["duration"] == 3726.123
    assert shape["words"] == [
        {"word": "late", "start": 3725.006, "end": 3725.4, "confidence": 0.123, "channel": 1}
    ]
    assert shape["segments"] == [
        {
            "text": "late", "start": 3725.006, "end": 3725.4, "confidence": 0.123, "channel": 1,
            "alternatives": [{"text": "lay", "score": -1.235}],
        }
    ]  # fmt: skip
