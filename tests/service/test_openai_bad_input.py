"""`/v1`: requests as other clients write them, and wrong ones, each with its answer."""

from typing import Any

import httpx
import numpy as np
import pytest

from service.api.openai.form import parse_form
from service.app import create_app
from service.engine.options import RuntimeOptions
from service.engine.recognizer import run_recognizer
from service.settings import Settings
from tests.audio_samples import encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, fake_bundle, silence
from tests.service.requests import check_alive, wav

PATH = "/v1/audio/transcriptions"
HELLO = ("x.wav", wav("hello there"))


async def post(http: httpx.AsyncClient, *fields: tuple[str, str], **more: str) -> httpx.Response:
    """A request of exactly these fields, in this order, and a file."""
    parts: list[tuple[str, Any]] = [("file", HELLO)]
    parts += [(name, (None, value)) for name, value in [*fields, *more.items()]]
    return await http.post(PATH, files=parts)


async def created(http: httpx.AsyncClient, *fields: tuple[str, str], **more: str) -> Any:
    """The answer to a request that is fine."""
    response = await post(http, *fields, **{"model": "whisper-1"} | more)
    assert response.status_code == 200, response.text
    return response


def error_of(response: httpx.Response) -> tuple[int, str, str | None, str]:
    """Status, code, parameter and message of an error, whose shape is checked."""
    body = response.json()
    assert set(body) == {"error"}
    assert set(body["error"]) == {"message", "type", "param", "code"}
    is_ours = response.status_code >= 500
    assert body["error"]["type"] == ("server_error" if is_ours else "invalid_request_error")
    assert response.headers["x-request-id"]
    error = body["error"]
    return response.status_code, error["code"], error["param"], error["message"]


@pytest.mark.parametrize(
    "fields",
    [
        [("timestamp_granularities[]", "word")],
        [("timestamp_granularities", "word")],
        [("timestamp_granularities[0]", "word")],
        [("timestamp_granularities", '["word"]')],
        [("timestamp_granularities[]", '"word"')],
    ],
)
async def test_every_spelling_of_a_list(
    http: httpx.AsyncClient, fields: list[tuple[str, str]]
) -> None:
    body = (await created(http, *fields, response_format="verbose_json")).json()
    assert body["segments"] is None
    assert [word["word"] for word in body["words"]] == ["hello", "there"]


@pytest.mark.parametrize("prefix", ["timestamp_granularities[]", "timestamp_granularities"])
async def test_both_granularities(http: httpx.AsyncClient, prefix: str) -> None:
    fields = (prefix, "word"), (prefix, "segment")
    body = (await created(http, *fields, response_format="verbose_json")).json()
    assert body["segments"]
    assert body["words"]


@pytest.mark.parametrize(
    "fields",
    [
        {"response_format": '"text"'},
        {"response_format": "text", "temperature": "", "language": "", "prompt": "", "stream": ""},
        {"response_format": "text", "temperature": "0.8", "language": "en-GB"},
        {"response_format": "text", "language": "English", "prompt": "Zyntri, Digique Plus"},
        {"response_format": "text", "unknown": "field", "chunking_strategy": "auto"},
        {"response_format": "text", "stream": "false", "languages[]": "en", "keywords[]": "Zoë"},
        {"response_format": "text", "timestamp_granularities[]": "segment"},
    ],
)
async def test_what_other_clients_send_is_taken(
    http: httpx.AsyncClient, fields: dict[str, str]
) -> None:
    assert (await created(http, **fields)).text == "hello there\n"


async def test_what_anybody_may_send_as_authorization_is_ignored(http: httpx.AsyncClient) -> None:
    headers = {"Authorization": "Bearer sk-nonsense", "OpenAI-Organization": "none"}
    response = await http.get("/v1/models", headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize("response_format", ["srt", "vtt", "text"])
async def test_texts_are_texts(http: httpx.AsyncClient, response_format: str) -> None:
    response = await created(http, response_format=response_format)
    expected = "text/vtt" if response_format == "vtt" else "text/plain"
    assert response.headers["content-type"].startswith(expected)


@pytest.mark.parametrize(
    ("fields", "param", "part"),
    [
        ({}, "model", "must provide"),
        ({"model": ""}, "model", "must provide"),
        ({"response_format": "xml"}, "response_format", "'verbose_json'"),
        ({"response_format": "diarized_json"}, "response_format", "'verbose_json'"),
        ({"temperature": "1.1"}, "temperature", "less than or equal to 1"),
        ({"temperature": "nan"}, "temperature", "equal to"),
        ({"temperature": "warm"}, "temperature", "valid number"),
        ({"timestamp_granularities[]": "letter"}, "timestamp_granularities", "'word'"),
        ({"timestamp_granularities": "[1]"}, "timestamp_granularities", "'word'"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities", "verbose_json"),
        (
            {"timestamp_granularities[]": "word", "response_format": "srt"},
            "timestamp_granularities",
            "verbose_json",
        ),
        ({"include[]": "tokens"}, "include", "logprobs"),
        ({"include[]": "logprobs", "response_format": "text"}, "include", "json"),
        ({"stream": "perhaps"}, "stream", "boolean"),
        ({"stream": "true", "response_format": "srt"}, "response_format", "'text'"),
        ({"language": "de"}, "language", "'en' only"),
        ({"language": "klingon"}, "language", "'en' only"),
        ({"languages[]": "fr"}, "languages", "'en' only"),
    ],
)
async def test_a_wrong_field_is_named(
    http: httpx.AsyncClient, fields: dict[str, str], param: str, part: str
) -> None:
    named = {} if param == "model" else {"model": "whisper-1"}
    status, code, told, message = error_of(await post(http, **named | fields))
    assert (status, code, told) == (400, "invalid_value", param)
    assert part in message
    await check_alive(http)


@pytest.mark.parametrize("stream", ["true", "false"])
@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "empty_audio"),
        (b"<html>not found</html>", "invalid_audio"),
        (np.random.default_rng(0).bytes(10_000), "invalid_audio"),
        (encode_soundfile(silence(0.0), FRAMING.sample_rate), "empty_audio"),
    ],
)
async def test_bad_audio_is_refused(
    http: httpx.AsyncClient, content: bytes, code: str, stream: str
) -> None:
    response = await http.post(
        PATH, files={"file": ("x", content)}, data={"model": "whisper-1", "stream": stream}
    )
    assert error_of(response)[:3] == (400, code, "file")
    await check_alive(http)


async def test_too_much_audio_is_refused(http: httpx.AsyncClient) -> None:
    long = encode_soundfile(silence(60.0), FRAMING.sample_rate, "FLAC")
    large = bytes(2 * 1024 * 1024)
    for content, code in ((long, "audio_too_long"), (large, "upload_too_large")):
        response = await http.post(
            PATH, files={"file": ("x", content)}, data={"model": "whisper-1"}
        )
        assert error_of(response)[:3] == (413, code, "file")
    await check_alive(http)


@pytest.mark.parametrize(
    "request_",
    [
        {"data": {"model": "whisper-1"}},
        {"json": {"model": "whisper-1", "file": "speech.wav"}},
        {"content": wav("hello"), "headers": {"content-type": "audio/wav"}},
        {"content": b"x", "headers": {"content-type": "multipart/form-data; boundary=y"}},
        {"files": {"audio": HELLO}, "data": {"model": "whisper-1"}},
        {},
    ],
    ids=["urlencoded", "json", "raw", "damaged", "other name", "empty"],
)
async def test_what_is_no_form_with_a_file_is_refused(
    http: httpx.AsyncClient, request_: dict[str, Any]
) -> None:
    status, code, param, _ = error_of(await http.post(PATH, **request_))
    assert (status, code, param) == (400, "invalid_multipart", "file")


async def test_what_is_not_there_has_openais_shape(http: httpx.AsyncClient) -> None:
    for path in ("/v1/audio/translations", "/v1/chat/completions", "/v1/", "/v1"):
        assert error_of(await http.post(path))[:2] == (404, "not_found")
    wrong_method = await http.get(PATH)
    assert error_of(wrong_method)[:2] == (405, "method_not_allowed")
    assert wrong_method.headers["allow"] == "POST"
    elsewhere = (await http.get("/v1x")).json()["error"]
    assert set(elsewhere) == {"code", "message"}


async def test_an_unknown_error_tells_nothing(
    http: httpx.AsyncClient, model: FakeAcousticModel
) -> None:
    model.poisoned = lambda waveform: bool(waveform.any())
    status, code, param, message = error_of(await post(http, model="whisper-1"))
    assert (status, code, param) == (500, "internal_error", None)
    assert "poisoned" not in message


async def test_a_service_that_stops_says_when_to_come_again(settings: Settings) -> None:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        app = create_app(settings, recognizer)
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://longwave") as http:
        for stream in ("true", "false"):
            response = await post(http, model="whisper-1", stream=stream)
            assert error_of(response)[:2] == (503, "unavailable")
            assert int(response.headers["retry-after"]) >= 1


def test_hints_become_phrases() -> None:
    form = parse_form(
        [
            ("model", "fake"),
            ("keywords[]", "Zoë O\N{RIGHT SINGLE QUOTATION MARK}Neil"),
            ("prompt", "Zyntrix, Digique Plus; a call about the price of tea in China.\nLongwave"),
        ]
    )
    options = form.recognition(fake_bundle())
    assert [phrase.text for phrase in options.boost] == [
        "zoe o'neil", "zyntrix", "digique plus", "longwave",
    ]  # fmt: skip
    assert options.decoder == "beam"


def test_a_prompt_without_phrases_changes_nothing() -> None:
    sentence = "this is a sentence that came before the one that is being said now"
    form = parse_form([("model", "fake"), ("prompt", sentence)])
    assert form.recognition(fake_bundle()).boost == ()
    assert form.recognition(fake_bundle()).decoder == "greedy"


def test_very_many_phrases_are_bounded() -> None:
    prompt = ", ".join(f"a{'b' * number}" for number in range(500))
    form = parse_form([("model", "fake"), ("prompt", prompt)])
    assert len(form.recognition(fake_bundle()).boost) == 100  # none is over the limit of length
