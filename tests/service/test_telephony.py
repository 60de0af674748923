"""`POST /transcribe`: audio as telephone systems send it, without a header."""

import httpx
import numpy as np
import pytest

from tests.audio_samples import encode_soundfile
from tests.fakes import speak
from tests.service.requests import check_alive, error_of, post, wav

AT_8_KHZ = speak("hello world")[::2]


@pytest.mark.parametrize(("encoding", "codec"), [("mulaw", "ULAW"), ("alaw", "ALAW")])
async def test_options_say_what_it_is(http: httpx.AsyncClient, encoding: str, codec: str) -> None:
    raw = encode_soundfile(AT_8_KHZ, 8_000, "RAW", codec)
    for options in ({"sample_rate": "8000"}, {}):
        response = await post(http, raw, encoding=encoding, **options)
        assert (response.status_code, response.json()["text"]) == (200, "hello world")


@pytest.mark.parametrize(
    ("content_type", "codec"), [("audio/PCMU", "ULAW"), ("audio/pcma; rate=8000", "ALAW")]
)
@pytest.mark.parametrize("is_form", [False, True])
async def test_so_does_the_content_type(
    http: httpx.AsyncClient, content_type: str, codec: str, is_form: bool
) -> None:
    raw = encode_soundfile(AT_8_KHZ, 8_000, "RAW", codec)
    if is_form:
        response = await http.post("/transcribe", files={"file": ("call", raw, content_type)})
    else:
        headers = {"content-type": content_type}
        response = await http.post("/transcribe", content=raw, headers=headers)
    assert (response.status_code, response.json()["text"]) == (200, "hello world")


@pytest.mark.parametrize("codec", ["ULAW", "ALAW"])
async def test_in_wav_it_says_so_itself(http: httpx.AsyncClient, codec: str) -> None:
    response = await post(http, encode_soundfile(AT_8_KHZ, 8_000, "WAV", codec))
    assert response.json()["text"] == "hello world"


async def test_linear_samples_of_any_rate(http: httpx.AsyncClient) -> None:
    raw = np.repeat(speak("hello"), 2).astype("<f4").tobytes()
    response = await post(http, raw, encoding="pcm_f32le", sample_rate="32000")
    assert response.json()["text"] == "hello"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"encoding": "opus"}, "unsupported_encoding"),
        ({"encoding": "pcm_s16le"}, "unsupported_encoding"),
        ({"encoding": "mulaw", "sample_rate": "1"}, "unsupported_encoding"),
        ({"encoding": "mulaw", "sample_rate": "fast"}, "invalid_option"),
        ({"sample_rate": "8000"}, "invalid_option"),
    ],
)
async def test_a_wrong_description_is_refused(
    http: httpx.AsyncClient, options: dict[str, str], expected: str
) -> None:
    assert error_of(await post(http, wav("hello"), **options))[:2] == (422, expected)
    await check_alive(http)
