"""`POST /transcribe`: what it answers to good requests."""

from tempfile import SpooledTemporaryFile
from typing import Any

import httpx
import numpy as np
import pytest

from service.engine.options import RecognitionOptions
from service.settings import Settings
from tests.audio_samples import SAMPLE_FORMATS, chirp, encode_soundfile, without_sizes
from tests.fakes import FRAMING, silence, speak
from tests.service.requests import post, wav


async def test_a_form_is_transcribed(http: httpx.AsyncClient) -> None:
    response = await http.post("/transcribe", files={"file": ("speech.wav", wav("hello world"))})
    assert response.status_code == 200
    body = response.json()
    assert body["text"] == "hello world"
    assert [word["word"] for word in body["words"]] == ["hello", "world"]
    assert body["model"] == "fake"
    assert set(body["timings"]) == {"queued", "ran", "decoded"}


async def test_words_have_times_and_confidences(http: httpx.AsyncClient) -> None:
    hello, world = (await post(http, wav("hello world"))).json()["words"]
    assert set(hello) == {"word", "start", "end", "confidence"}
    assert 0 <= hello["start"] < hello["end"] <= world["start"] < world["end"]
    assert world["end"] <= len(speak("hello world")) / FRAMING.sample_rate
    assert 0.9 < hello["confidence"] <= 1


@pytest.mark.parametrize("content_type", ["audio/wav", "application/octet-stream", "text/plain"])
async def test_a_raw_body_is_transcribed(http: httpx.AsyncClient, content_type: str) -> None:
    response = await http.post(
        "/transcribe", content=wav("hello"), headers={"content-type": content_type}
    )
    assert (response.status_code, response.json()["text"]) == (200, "hello")


@pytest.mark.parametrize("name", SAMPLE_FORMATS)
async def test_every_format_is_read(http: httpx.AsyncClient, name: str) -> None:
    sample_format = SAMPLE_FORMATS[name]
    response = await post(http, sample_format.encode(chirp(1.5, sample_format.sample_rate)))
    assert response.status_code == 200
    assert response.json()["duration"] == pytest.approx(1.5, abs=0.25)


async def test_stereo_is_mixed_down(http: httpx.AsyncClient) -> None:
    stereo = np.stack([speak("both sides")] * 2, axis=1)
    response = await post(http, encode_soundfile(stereo, FRAMING.sample_rate))
    assert response.json()["text"] == "both sides"


async def test_options_are_taken_from_the_query(
    http: httpx.AsyncClient, asked: list[RecognitionOptions]
) -> None:
    response = await post(http, wav("hello"), decoder="beam", beam_width="4")
    assert (response.status_code, response.json()["text"]) == (200, "hello")
    assert asked == [RecognitionOptions("beam", beam_width=4)]


async def test_options_are_taken_from_the_form(
    http: httpx.AsyncClient, asked: list[RecognitionOptions]
) -> None:
    form = {"decoder": "beam", "beam_width": "4"}
    response = await http.post("/transcribe", files={"file": ("x", wav("hello"))}, data=form)
    assert (response.status_code, response.json()["text"]) == (200, "hello")
    assert asked == [RecognitionOptions("beam", beam_width=4)]


async def test_a_wav_that_was_streamed_is_read_to_its_end(http: httpx.AsyncClient) -> None:
    response = await post(http, without_sizes(wav("no sizes")))
    assert (response.status_code, response.json()["text"]) == (200, "no sizes")


@pytest.mark.parametrize("duration_s", [0.02, 5.0])
async def test_silence_has_no_text(http: httpx.AsyncClient, duration_s: float) -> None:
    zeros = np.zeros(round(duration_s * FRAMING.sample_rate), np.float32)
    response = await post(http, encode_soundfile(zeros, FRAMING.sample_rate))
    assert response.status_code == 200
    assert response.json()["text"] == ""
    assert response.json()["words"] == []
    assert response.json()["duration"] == pytest.approx(duration_s)


async def test_an_answer_carries_the_id_of_its_request(http: httpx.AsyncClient) -> None:
    given = await http.get("/healthz", headers={"x-request-id": "call-7"})
    made = await http.get("/healthz", headers={"x-request-id": "two words"})
    assert given.headers["x-request-id"] == "call-7"
    assert len(made.headers["x-request-id"]) == 32


class TestLargeUploads:
    """Too large for memory, and within the limit."""

    FILE = encode_soundfile(
        np.concatenate([silence(18.0), speak("late")]), FRAMING.sample_rate, codec="PCM_32"
    )

    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return settings.model_copy(update={"max_upload_mb": 2})

    @pytest.mark.parametrize(
        "parts", [{"content": FILE}, {"files": {"file": ("x", FILE)}}], ids=["raw", "form"]
    )
    async def test_they_are_read_from_disk(
        self, http: httpx.AsyncClient, parts: dict[str, Any], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        moves: list[bool] = []
        rollover = SpooledTemporaryFile.rollover

        def noted(spool: SpooledTemporaryFile[bytes]) -> None:
            rollover(spool)
            moves.append(True)

        monkeypatch.setattr(SpooledTemporaryFile, "rollover", noted)
        response = await http.post("/transcribe", **parts)
        assert response.json()["text"] == "late"
        assert moves
