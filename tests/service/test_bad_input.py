"""Bad requests: a clear answer each, and the next request is fine."""

from collections.abc import AsyncIterator, Callable

import httpx
import numpy as np
import pytest

from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer
from tests.audio_samples import SAMPLE_FORMATS, chirp, encode_soundfile
from tests.fakes import FRAMING, FakeAcousticModel, silence, speak
from tests.service.requests import check_alive, error_of, post, wav

RATE = FRAMING.sample_rate
HTML = b"<!DOCTYPE html><html><body><h1>Sign in</h1></body></html>"


def truncated(name: str) -> bytes:
    file = SAMPLE_FORMATS[name].encode(chirp(10.0, SAMPLE_FORMATS[name].sample_rate))
    return file[: len(file) // 2]


def with_sample(value: float) -> bytes:
    waveform = silence(1.0)
    waveform[RATE // 2] = value
    return encode_soundfile(waveform, RATE, codec="FLOAT")


REFUSED: dict[str, tuple[Callable[[], bytes], str]] = {
    "empty body": (lambda: b"", "empty_audio"),
    "not audio": (lambda: np.random.default_rng(0).bytes(10_000), "invalid_audio"),
    "html": (lambda: HTML, "invalid_audio"),
    "truncated m4a": (lambda: truncated("m4a-aac"), "invalid_audio"),
    "zero samples": (lambda: encode_soundfile(silence(0.0), RATE), "empty_audio"),
    "not a number": (lambda: with_sample(np.nan), "invalid_audio"),
    "infinite": (lambda: with_sample(np.inf), "invalid_audio"),
}


@pytest.mark.parametrize("case", REFUSED)
@pytest.mark.parametrize("is_form", [False, True])
async def test_bad_audio_is_refused(http: httpx.AsyncClient, case: str, is_form: bool) -> None:
    make, expected = REFUSED[case]
    parts = {"files": {"file": ("x", make())}} if is_form else {"content": make()}
    response = await http.post("/transcribe", **parts)
    status, code, message = error_of(response)
    assert (status, code) == (422, expected)
    assert len(message) > 20
    await check_alive(http)


@pytest.mark.parametrize("name", ["flac", "mp3"])
async def test_what_is_there_of_a_truncated_file_is_used(
    http: httpx.AsyncClient, name: str
) -> None:
    response = await post(http, truncated(name))
    assert response.status_code == 200
    assert 1.0 < response.json()["duration"] < 9.0
    await check_alive(http)


async def test_a_declared_size_over_the_limit_is_refused_unread(http: httpx.AsyncClient) -> None:
    num_read = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal num_read
        num_read += 1
        yield b""

    headers = {"content-length": str(2 * 1024 * 1024)}
    response = await http.post("/transcribe", content=body(), headers=headers)
    assert error_of(response)[:2] == (413, "upload_too_large")
    assert num_read == 0
    await check_alive(http)


@pytest.mark.parametrize("content_type", ["audio/wav", "multipart/form-data; boundary=x"])
async def test_an_undeclared_size_is_counted_while_reading(
    http: httpx.AsyncClient, content_type: str
) -> None:
    num_sent = 0

    async def body() -> AsyncIterator[bytes]:
        nonlocal num_sent
        if "multipart" in content_type:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        for _ in range(100):
            num_sent += 1
            yield bytes(64 * 1024)

    headers = {"content-type": content_type}
    response = await http.post("/transcribe", content=body(), headers=headers)
    assert error_of(response)[:2] == (413, "upload_too_large")
    assert num_sent <= 18
    await check_alive(http)


async def test_audio_over_the_duration_limit_is_refused(http: httpx.AsyncClient) -> None:
    flac = encode_soundfile(silence(60.0), RATE, "FLAC")
    status, code, message = error_of(await post(http, flac))
    assert (status, code) == (413, "audio_too_long")
    assert "20 s" in message
    await check_alive(http)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"speed": "2"}, ["'speed'", "decoder, beam_width"]),
        ({"decoder": "fast"}, ["'fast'", "greedy", "beam"]),
        ({"beam_width": "many"}, ["beam_width", "'many'", "integer"]),
        ({"beam_width": "0"}, ["beam_width", "between 1"]),
    ],
)
@pytest.mark.parametrize("is_form", [False, True])
async def test_a_wrong_option_is_named_with_what_is_allowed(
    http: httpx.AsyncClient, options: dict[str, str], expected: list[str], is_form: bool
) -> None:
    if is_form:
        files = {"file": ("x", wav("hello"))}
        response = await http.post("/transcribe", files=files, data=options)
    else:
        response = await post(http, wav("hello"), **options)
    status, code, message = error_of(response)
    assert (status, code) == (422, "invalid_option")
    assert [part for part in expected if part not in message] == []
    await check_alive(http)


async def test_an_option_that_is_given_twice_is_refused(http: httpx.AsyncClient) -> None:
    response = await http.post(
        "/transcribe?decoder=greedy", files={"file": ("x", wav("a"))}, data={"decoder": "beam"}
    )
    assert error_of(response)[:2] == (422, "invalid_option")


@pytest.mark.parametrize(
    "parts",
    [
        {"files": {"audio": ("x", wav("hello"))}},
        {"files": [("file", ("x", wav("a"))), ("file", ("y", wav("b")))]},
        {"content": b"--x", "headers": {"content-type": "multipart/form-data"}},
        {"content": b"nonsense", "headers": {"content-type": "multipart/form-data; boundary=x"}},
    ],
    ids=["other name", "two files", "no boundary", "damaged"],
)
async def test_a_form_without_one_file_is_refused(
    http: httpx.AsyncClient, parts: dict[str, object]
) -> None:
    response = await http.post("/transcribe", **parts)  # type: ignore[arg-type]
    assert error_of(response)[:2] == (400, "invalid_multipart")
    await check_alive(http)


async def test_a_file_without_its_name_is_asked_for_it(http: httpx.AsyncClient) -> None:
    for content in (b"RIFF", bytes(20_000)):
        head = b'--x\r\nContent-Disposition: form-data; name="file"\r\n\r\n'
        headers = {"content-type": "multipart/form-data; boundary=x"}
        body = head + content + b"\r\n--x--\r\n"
        response = await http.post("/transcribe", content=body, headers=headers)
        status, code, message = error_of(response)
        assert (status, code) == (400, "invalid_multipart")
        assert "has a filename" in message


@pytest.mark.parametrize("path", ["/transcribe", "/v1/audio/transcriptions"])
async def test_a_compressed_body_is_refused_unread(http: httpx.AsyncClient, path: str) -> None:
    pulled: list[bytes] = []

    async def upload() -> AsyncIterator[bytes]:
        pulled.append(b"\x1f\x8b")
        yield pulled[-1]

    form = {"content-type": "multipart/form-data; boundary=b", "content-encoding": "gzip"}
    response = await http.post(path, content=upload(), headers=form)
    assert (response.status_code, response.json()["error"]["code"]) == (415, "body_compressed")
    assert not pulled
    assert "'gzip'" in response.json()["error"]["message"]
    identity = await http.post(
        "/transcribe", content=wav("a"), headers={"content-encoding": "identity"}
    )
    assert identity.status_code == 200


async def test_unknown_paths_and_methods_have_the_same_shape(http: httpx.AsyncClient) -> None:
    assert error_of(await http.get("/nowhere"))[:2] == (404, "not_found")
    wrong_method = await http.get("/transcribe")
    assert error_of(wrong_method)[:2] == (405, "method_not_allowed")
    assert wrong_method.headers["allow"] == "POST"


async def test_a_full_service_says_when_to_come_again(
    http: httpx.AsyncClient, recognizer: Recognizer
) -> None:
    streams = [recognizer.stream(RecognitionOptions(), Priority.LIVE) for _ in range(4)]
    response = await post(http, wav("hello"))
    assert error_of(response)[:2] == (429, "overloaded")
    assert int(response.headers["retry-after"]) >= 1
    assert (await http.get("/readyz")).status_code == 200
    for stream in streams:
        stream.close()
    await check_alive(http)


@pytest.mark.parametrize("path", ["/transcribe", "/v1/audio/transcriptions"])
async def test_a_full_service_does_not_wait_for_the_upload(
    http: httpx.AsyncClient, recognizer: Recognizer, path: str
) -> None:
    pulled: list[bytes] = []

    async def upload() -> AsyncIterator[bytes]:
        pulled.append(b"audio")
        yield pulled[-1]

    streams = [recognizer.stream(RecognitionOptions(), Priority.LIVE) for _ in range(4)]
    form = {"content-type": "multipart/form-data; boundary=b"}
    assert (await http.post(path, content=upload(), headers=form)).status_code == 429
    assert not pulled
    for stream in streams:
        stream.close()


async def test_an_unknown_error_tells_the_client_nothing_and_the_log_everything(
    http: httpx.AsyncClient, model: FakeAcousticModel, caplog: pytest.LogCaptureFixture
) -> None:
    model.poisoned = lambda waveform: bool(waveform.any())
    status, code, message = error_of(await post(http, encode_soundfile(speak("hello"), RATE)))
    assert (status, code) == (500, "internal_error")
    assert "poisoned" not in message
    assert "poisoned" in caplog.text
    model.poisoned = lambda _: False
    await check_alive(http)
