"""`POST /transcribe` answers in the format that is asked for."""

import httpx
import numpy as np
import pytest

from service.engine.options import BoostPhrase, RecognitionOptions
from tests.audio_samples import encode_pieces, encode_soundfile
from tests.fakes import FRAMING, silence, speak
from tests.service.requests import error_of, post, wav

TWO_UTTERANCES = encode_soundfile(
    np.concatenate([speak("hello world"), silence(2.0), speak("good bye")]), FRAMING.sample_rate
)


async def test_json_has_segments(http: httpx.AsyncClient) -> None:
    body = (await post(http, TWO_UTTERANCES, response_format="json")).json()
    assert [segment["text"] for segment in body["segments"]] == ["hello world", "good bye"]
    first = body["segments"][0]
    assert set(first) == {"text", "start", "end", "confidence", "alternatives"}
    assert (first["start"], first["end"]) == (body["words"][0]["start"], body["words"][1]["end"])
    assert 0.9 < first["confidence"] <= 1
    assert body == (await post(http, TWO_UTTERANCES)).json() | {"timings": body["timings"]}


async def test_text(http: httpx.AsyncClient) -> None:
    response = await post(http, TWO_UTTERANCES, response_format="text")
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    assert response.text == "hello world good bye\n"


@pytest.mark.parametrize(
    ("name", "media_type", "beginning"),
    [
        ("srt", "application/x-subrip", "1\n00:00:00,000 --> 00:00:01,000\nhello world\n\n2\n"),
        ("vtt", "text/vtt", "WEBVTT\n\n00:00:00.000 --> 00:00:01.000\nhello world\n\n"),
    ],
)
async def test_subtitles(
    http: httpx.AsyncClient, name: str, media_type: str, beginning: str
) -> None:
    response = await post(http, TWO_UTTERANCES, response_format=name)
    assert response.headers["content-type"] == f"{media_type}; charset=utf-8"
    assert response.text.startswith(beginning)
    assert response.text.endswith("good bye\n")


async def test_subtitles_come_when_a_player_plays_the_sound(http: httpx.AsyncClient) -> None:
    pieces = [(2.0, speak("hello world")), (10.0, speak("good bye"))]
    video = encode_pieces(pieces, FRAMING.sample_rate, "matroska", "pcm_s16le", video="mpeg4")
    subtitles = (await post(http, video, response_format="srt")).text
    assert subtitles.startswith("1\n00:00:02,000 --> 00:00:03,000\nhello world\n\n")
    assert "2\n00:00:10,000 --> " in subtitles


async def test_verbose_json(http: httpx.AsyncClient) -> None:
    body = (await post(http, TWO_UTTERANCES, response_format="verbose_json")).json()
    assert (body["task"], body["language"], body["text"]) == (
        "transcribe", "en", "hello world good bye",
    )  # fmt: skip
    assert [segment["id"] for segment in body["segments"]] == [0, 1]


@pytest.mark.parametrize(("name", "body"), [("text", "\n"), ("srt", ""), ("vtt", "WEBVTT\n")])
async def test_silence_in_every_format(http: httpx.AsyncClient, name: str, body: str) -> None:
    nothing = encode_soundfile(silence(1.0), FRAMING.sample_rate)
    response = await post(http, nothing, response_format=name)
    assert (response.status_code, response.text) == (200, body)


async def test_other_readings_are_given_best_first(http: httpx.AsyncClient) -> None:
    (segment,) = (await post(http, wav("hello"), nbest="4")).json()["segments"]
    readings = segment["alternatives"]
    assert len(readings) == 3
    assert len({reading["text"] for reading in readings} | {segment["text"]}) == 4
    scores = [reading["score"] for reading in readings]
    assert scores == sorted(scores, reverse=True)


async def test_numbers_in_digits(http: httpx.AsyncClient) -> None:
    file = wav("it costs twenty five dollars")
    assert (await post(http, file)).json()["text"] == "it costs twenty five dollars"
    body = (await post(http, file, numerals="true")).json()
    assert body["text"] == body["segments"][0]["text"] == "it costs $25"
    assert [word["word"] for word in body["words"]] == ["it", "costs", "$25"]


async def test_a_form_may_repeat_a_phrase_to_boost(
    http: httpx.AsyncClient, asked: list[RecognitionOptions]
) -> None:
    form = {"boost": ["hello", "world:5"], "response_format": "text"}
    response = await http.post("/transcribe", files={"file": ("x", wav("hello"))}, data=form)
    assert (response.status_code, response.text) == (200, "hello\n")
    assert asked[0].boost == (BoostPhrase("hello"), BoostPhrase("world", 5.0))


async def test_a_phrase_that_cannot_be_spoken_is_refused(http: httpx.AsyncClient) -> None:
    status, code, message = error_of(await post(http, wav("hello"), boost="route 66"))
    assert (status, code) == (422, "invalid_option")
    assert "as it is spoken" in message


async def test_shorter_silences_make_more_segments(http: httpx.AsyncClient) -> None:
    waveform = np.concatenate([speak("hello"), silence(0.6), speak(" world")])
    file = encode_soundfile(waveform, FRAMING.sample_rate)
    whole = (await post(http, file)).json()["segments"]
    cut = (await post(http, file, silence_s="0.3")).json()["segments"]
    assert [segment["text"] for segment in whole] == ["hello world"]
    assert [segment["text"] for segment in cut] == ["hello", "world"]
