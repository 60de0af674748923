"""`channels=separate`: a speaker on each side of a recorded call."""

import httpx
import numpy as np
import pytest

from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, silence, speak
from tests.service.requests import check_alive, error_of, post, wav

CALLER = np.concatenate([speak("good day"), silence(4.0), speak("bye"), silence(3.0)])
AGENT = np.concatenate([silence(2.0), speak("hello there"), silence(2.0)])


def call(*sides: np.ndarray[tuple[int], np.dtype[np.float32]], container: str = "WAV") -> bytes:
    length = max(map(len, sides))
    padded = [np.pad(side, (0, length - len(side))) for side in sides]
    return encode_soundfile(np.stack(padded, axis=1), FRAMING.sample_rate, container)


async def test_each_channel_is_told_and_they_are_interleaved(http: httpx.AsyncClient) -> None:
    body = (await post(http, call(CALLER, AGENT), channels="separate")).json()
    assert [(segment["channel"], segment["text"]) for segment in body["segments"]] == [
        (0, "good day"),
        (1, "hello there"),
        (0, "bye"),
    ]
    assert body["text"] == "good day hello there bye"
    assert [word["channel"] for word in body["words"]] == [0, 0, 1, 1, 0]


@pytest.mark.parametrize("container", ["WAV", "FLAC"])
async def test_a_channel_gives_what_it_gives_alone(http: httpx.AsyncClient, container: str) -> None:
    both = (await post(http, call(CALLER, AGENT, container=container), channels="separate")).json()
    padded = np.pad(AGENT, (0, max(0, len(CALLER) - len(AGENT))))
    alone = (await post(http, encode_soundfile(padded, FRAMING.sample_rate))).json()
    words = [word for word in both["words"] if word.pop("channel") == 1]
    assert words == alone["words"]


async def test_the_text_format_labels_its_lines(http: httpx.AsyncClient) -> None:
    options = {"channels": "separate", "response_format": "text"}
    response = await post(http, call(CALLER, AGENT), **options)
    assert response.text == "[0] good day\n[1] hello there\n[0] bye\n"


async def test_subtitles_are_labelled(http: httpx.AsyncClient) -> None:
    options = {"channels": "separate", "response_format": "srt"}
    response = await post(http, call(CALLER, AGENT), **options)
    assert "\n[1] hello there\n" in response.text


async def test_verbose_segments_tell_their_channel(http: httpx.AsyncClient) -> None:
    options = {"channels": "separate", "response_format": "verbose_json"}
    segments = (await post(http, call(CALLER, AGENT), **options)).json()["segments"]
    told = [(segment["id"], segment["channel"], segment["text"]) for segment in segments]
    assert told == [(0, 0, "good day"), (1, 1, "hello there"), (2, 0, "bye")]
    (whole,) = (await post(http, wav("hello"), response_format="verbose_json")).json()["segments"]
    assert "channel" not in whole


async def test_a_mono_file_has_channel_0(http: httpx.AsyncClient) -> None:
    body = (await post(http, call(CALLER), channels="separate")).json()
    assert {segment["channel"] for segment in body["segments"]} == {0}


async def test_mixed_channels_have_no_number(http: httpx.AsyncClient) -> None:
    body = (await post(http, call(CALLER, CALLER), channels="mix")).json()
    assert body["text"] == "good day bye"
    assert all("channel" not in segment for segment in body["segments"])


async def test_too_many_channels_are_refused(http: httpx.AsyncClient) -> None:
    nine = [silence(0.1)] * 9
    status, code, message = error_of(await post(http, call(*nine), channels="separate"))
    assert (status, code) == (422, "invalid_audio")
    assert "9 channels; at most 8" in message
    assert (await post(http, call(*nine))).status_code == 200


async def test_a_channel_without_a_place_refuses_the_file(
    http: httpx.AsyncClient, recognizer: Recognizer
) -> None:
    streams = [recognizer.stream(RecognitionOptions(), Priority.LIVE) for _ in range(3)]
    response = await post(http, call(CALLER, AGENT), channels="separate")
    assert error_of(response)[:2] == (429, "overloaded")
    await check_alive(http)  # the one place that was left is free again
    for stream in streams:
        stream.close()
