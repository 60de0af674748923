"""`url=`: files from the internet, and nothing from this side of it."""

import asyncio
from typing import Any

import httpcore
import httpx
import pytest
from fastapi import FastAPI

from service.api.errors import EdgeError, UploadTooLarge, UrlFailed, UrlRefused
from service.api.public_network import is_public, resolve
from service.api.remote_file import MAX_REDIRECTS, RemoteFiles
from service.app import create_app
from service.engine.recognizer import Recognizer
from service.settings import Settings
from tests.service.requests import check_alive, error_of, post, wav

PUBLIC, OTHER = "93.184.216.34", "8.8.8.8"
NAMES = {
    "example.org": [PUBLIC],
    "cdn.example.org": [OTHER],
    "xn--bcher-kva.example": [PUBLIC],
    "intranet.example.org": ["10.0.0.7"],
    "two-faced.example.org": [PUBLIC, "127.0.0.1"],
    PUBLIC: [PUBLIC],
}


def answer(body: bytes = b"", status: str = "200 OK", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


class Internet(httpcore.AsyncNetworkBackend):
    """Servers by address, each with the answers that it gives to one connection after another."""

    def __init__(self, **answers: list[bytes]) -> None:
        self.answers = {PUBLIC: answers.get("public", []), OTHER: answers.get("other", [])}
        self.asked: list[tuple[str, int]] = []
        self.resolved: list[str] = []

    async def resolve(self, host: str, _: int) -> list[str]:
        self.resolved.append(host)
        if host not in NAMES:
            raise OSError("no such name")
        return NAMES[host]

    async def connect_tcp(
        self, host: str, port: int, *_: Any, **__: Any
    ) -> httpcore.AsyncNetworkStream:
        self.asked.append((host, port))
        if not self.answers[host]:
            raise httpcore.ConnectError("connection refused")
        return httpcore.AsyncMockStream([self.answers[host].pop(0)])


def files(internet: Internet, max_bytes: int = 1000, timeout_s: float = 5.0) -> RemoteFiles:
    return RemoteFiles(max_bytes, timeout_s, internet.resolve, internet)


async def fetch(internet: Internet, url: str, max_bytes: int = 1000) -> bytes:
    async with files(internet, max_bytes).fetched(url) as file:
        return file.read()


@pytest.mark.parametrize(
    ("url", "port"),
    [
        ("http://example.org/speech.wav", 80),
        ("https://example.org/speech.wav?a=b c&d=é#part", 443),
        ("http://example.org:8080", 8080),
        ("HTTP://EXAMPLE.ORG/ä", 80),
        ("http://bücher.example/", 80),
        (f"http://{PUBLIC}/", 80),
    ],
)
async def test_a_public_file_is_fetched(url: str, port: int) -> None:
    internet = Internet(public=[answer(b"sound")])
    assert await fetch(internet, url) == b"sound"
    assert internet.asked == [(PUBLIC, port)]


async def test_redirects_are_followed_and_relative_ones_resolved() -> None:
    internet = Internet(
        public=[answer(b"", "302 Found", "Location: /b"),
                answer(b"", "307 Temporary Redirect", "location: https://cdn.example.org/c")],
        other=[answer(b"sound")],
    )  # fmt: skip
    assert await fetch(internet, "http://example.org/a") == b"sound"
    assert internet.asked == [(PUBLIC, 80), (PUBLIC, 80), (OTHER, 443)]


@pytest.mark.parametrize(
    "url",
    [
        "http://intranet.example.org/",
        "http://two-faced.example.org/",
        "http://nowhere.example.org/",
        "ftp://example.org/a",
        "file:///etc/passwd",
        "example.org/a",
        "http://",
        "http:///a",
        "http://user:secret@example.org/",
        "http://example.org:99999/",
        "http://[::1",
        "http://" + "a" * 70 + ".org/",
        "",
    ],
)
@pytest.mark.parametrize("is_redirect", [False, True])
async def test_what_is_not_public_is_refused(url: str, is_redirect: bool) -> None:
    redirect = answer(b"", "301 Moved Permanently", f"Location: {url}")
    internet = Internet(public=[redirect] * (1 + MAX_REDIRECTS))
    relative = is_redirect and url in ("", "example.org/a", "http://", "http:///a")
    with pytest.raises(UrlFailed if relative else UrlRefused):
        await fetch(internet, "http://example.org/" if is_redirect else url)
    assert {address for address, _ in internet.asked} <= {PUBLIC}


async def test_a_name_is_resolved_once_a_connection() -> None:
    """A name server that gives another address later is not asked again."""
    internet = Internet(public=[answer(b"sound")])
    await fetch(internet, "http://example.org/")
    assert internet.resolved == ["example.org"]


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "224.0.0.1", "255.255.255.255", "::", "::1", "fe80::1",
        "fc00::1", "ff02::1", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::",
        "64:ff9b:1::7f00:1", "64:ff9b:1:fffe::808:808", "fec0::1", "::127.0.0.1", "::8.8.8.8",
    ],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", [PUBLIC, OTHER, "2606:4700::1111", "64:ff9b::808:808"])
def test_addresses_that_are_public(address: str) -> None:
    assert is_public(address)


async def test_the_systems_resolver_gives_addresses() -> None:
    assert await resolve("127.0.0.1", 80) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("given", "error", "cause"),
    [
        ([answer(b"x", "404 Not Found")], UrlFailed, "status 404"),
        ([answer(b"x", "206 Partial Content")], UrlFailed, "status 206"),
        ([answer(b"x" * 1001)], UploadTooLarge, "limit of 1000 bytes"),
        ([b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001], UploadTooLarge, "limit of 1000 bytes"),
        ([b"SSH-2.0-OpenSSH\r\n"], UrlFailed, "cannot be fetched"),
        ([b""], UrlFailed, "cannot be fetched"),
        ([], UrlFailed, "connection refused"),
        ([answer(b"", "302 Found", "Location: /again")] * 10, UrlFailed, "more than 5 times"),
    ],
)
async def test_what_cannot_be_fetched_is_told(
    given: list[bytes], error: type[EdgeError], cause: str
) -> None:
    with pytest.raises(error, match=cause):
        await fetch(Internet(public=given), "http://example.org/")


async def test_a_file_of_exactly_the_limit_is_accepted() -> None:
    internet = Internet(public=[answer(b"x" * 1000)])
    assert len(await fetch(internet, "http://example.org/")) == 1000


async def test_a_server_that_never_answers_is_given_up() -> None:
    internet = Internet()

    async def never(_: str, __: int) -> list[str]:
        await asyncio.Event().wait()
        return []

    remote = RemoteFiles(1000, 0.05, never, internet)
    with pytest.raises(UrlFailed, match=r"longer than 0\.05 s"):
        async with remote.fetched("http://example.org/"):
            pass


async def test_a_real_server_on_this_machine_is_not_reached() -> None:
    connections = []

    def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        writer.close()

    async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        for name in (host, "localhost", "2130706433", "0x7f000001"):
            with pytest.raises(EdgeError):
                async with RemoteFiles(1000, 5.0).fetched(f"http://{name}:{port}/"):
                    pass
    assert connections == []


class TestTranscribe:
    """The option itself."""

    @pytest.fixture
    def internet(self) -> Internet:
        return Internet(public=[answer(wav("hello"))] * 2)

    @pytest.fixture
    def app(self, settings: Settings, recognizer: Recognizer, internet: Internet) -> FastAPI:
        return create_app(settings, recognizer, files(internet, settings.max_upload_bytes))

    @pytest.mark.parametrize("channels", ["mix", "separate"])
    async def test_from_the_query(self, http: httpx.AsyncClient, channels: str) -> None:
        response = await post(http, b"", url="http://example.org/a.wav", channels=channels)
        assert (response.status_code, response.json()["text"]) == (200, "hello")

    async def test_from_a_form(self, http: httpx.AsyncClient) -> None:
        form = {"url": (None, "http://example.org/a.wav"), "response_format": (None, "text")}
        response = await http.post("/transcribe", files=form)
        assert (response.status_code, response.text) == (200, "hello\n")

    async def test_with_events(self, http: httpx.AsyncClient) -> None:
        response = await post(http, b"", url="http://example.org/a.wav", stream="true")
        assert '"text":"hello"' in response.text

    async def test_both_are_refused(self, http: httpx.AsyncClient, internet: Internet) -> None:
        status, code, message = error_of(await post(http, wav("a"), url="http://example.org/"))
        assert (status, code) == (422, "invalid_option")
        assert "one of them" in message
        assert internet.asked == []

    async def test_errors_have_codes(self, http: httpx.AsyncClient) -> None:
        refused = await post(http, b"", url="http://intranet.example.org/")
        assert error_of(refused)[:2] == (422, "url_refused")
        failed = await post(http, b"", url="http://cdn.example.org/")
        assert error_of(failed)[:2] == (422, "url_failed")
        await check_alive(http)

    async def test_what_is_no_audio_is_told(
        self, http: httpx.AsyncClient, internet: Internet
    ) -> None:
        internet.answers[PUBLIC] = [answer(b"<html>")]
        response = await post(http, b"", url="http://example.org/")
        assert error_of(response)[:2] == (422, "invalid_audio")


async def test_it_is_off_unless_switched_on(http: httpx.AsyncClient) -> None:
    status, code, message = error_of(await post(http, b"", url="http://example.org/"))
    assert (status, code) == (422, "invalid_option")
    assert "LONGWAVE_ALLOW_URLS" in message


def test_a_setting_switches_it_on(settings: Settings, recognizer: Recognizer) -> None:
    allowed = settings.model_copy(update={"allow_urls": True})
    assert isinstance(create_app(allowed, recognizer).state.remote_files, RemoteFiles)
    assert create_app(settings, recognizer).state.remote_files is None
