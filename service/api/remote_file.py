"""Fetching the file that an option `url` names, within limits."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, Final, cast
from urllib.parse import quote, urljoin, urlsplit

import httpcore
from starlette.datastructures import UploadFile

from service.api.errors import UploadTooLarge, UrlFailed, UrlRefused
from service.api.public_network import PublicNetwork, Resolve, resolve

MAX_REDIRECTS: Final = 5

_REDIRECTS = (301, 302, 303, 307, 308)
_HEADERS: Final[list[tuple[bytes | str, bytes | str]]] = [
    ("Accept", "audio/*, video/*, */*;q=0.1"),
    ("Accept-Encoding", "identity"),
]
_MAX_BYTES_IN_MEMORY = 1024 * 1024  # of one file; more goes to a temporary file


class RemoteFiles:
    """Fetches files for strangers. Shared and immutable.

    Args:
        max_bytes: of a file.
        timeout_s: for all of a file, redirects included.
        resolve: how names become addresses.
        network: how addresses are reached; default: sockets.
    """

    def __init__(
        self,
        max_bytes: int,
        timeout_s: float,
        resolve: Resolve = resolve,
        network: httpcore.AsyncNetworkBackend | None = None,
    ) -> None:
        self._max_bytes = max_bytes
        self._timeout_s = timeout_s
        self._network = PublicNetwork(resolve, network or httpcore.AnyIOBackend())

    @asynccontextmanager
    async def fetched(self, url: str) -> AsyncIterator[BinaryIO]:
        """The file at `url`, at its start.

        Raises:
            UrlRefused: it, or where it redirects to, is not a public http or https address.
            UrlFailed: it does not answer, or not with a file.
            UploadTooLarge: the file is larger than `max_bytes`; no more than that is read.
        """
        with SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY) as spool:
            file = cast(BinaryIO, spool)
            try:
                async with asyncio.timeout(self._timeout_s):
                    await self._download(url, UploadFile(file))
            except TimeoutError:
                raise UrlFailed(f"The url took longer than {self._timeout_s:g} s.") from None
            except (httpcore.NetworkError, httpcore.ProtocolError, OSError) as error:
                raise UrlFailed(
                    f"The url cannot be fetched: {str(error) or type(error).__name__}."
                ) from None
            yield file

    async def _download(self, url: str, sink: UploadFile) -> None:
        async with httpcore.AsyncConnectionPool(network_backend=self._network) as pool:
            for _ in range(1 + MAX_REDIRECTS):
                async with pool.stream("GET", _checked(url), headers=_HEADERS) as response:
                    if response.status not in _REDIRECTS:
                        return await self._save(response, sink)
                    url = _joined(url, _header(response, b"location"))
        raise UrlFailed(f"The url redirects more than {MAX_REDIRECTS} times.")

    async def _save(self, response: httpcore.Response, sink: UploadFile) -> None:
        if response.status != 200:
            raise UrlFailed(f"The url answers with the status {response.status}.")
        too_large = UploadTooLarge(
            f"The file of the url is larger than the limit of {self._max_bytes} bytes."
        )
        declared = _header(response, b"content-length")
        if declared.isdecimal() and int(declared) > self._max_bytes:
            raise too_large
        num_bytes = 0
        async for piece in response.aiter_stream():
            num_bytes += len(piece)
            if num_bytes > self._max_bytes:
                raise too_large
            await sink.write(piece)
        await sink.seek(0)


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise UrlRefused(f"The url redirects to {location!r:.200}, which is not valid.") from None


def _checked(url: str) -> str:
    """The URL in ASCII, without what is not sent to a server."""
    try:
        parts = urlsplit(url)
        host, port = (parts.hostname or "").encode("idna").decode(), parts.port
    except ValueError:
        raise UrlRefused(f"The url {url!r:.200} is not a valid one.") from None
    if parts.scheme not in ("http", "https") or not host:
        raise UrlRefused(f"The url {url!r:.200} must start with http:// or https:// and a host.")
    if "@" in parts.netloc:
        raise UrlRefused("The url must not have a user name or password in it.")
    location = f"[{host}]" if ":" in host else host
    location += "" if port is None else f":{port}"
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = "?" + quote(parts.query, safe="/%:@!$&'()*+,;=~-._?") if parts.query else ""
    return f"{parts.scheme}://{location}{path}{query}"


def _header(response: httpcore.Response, name: bytes) -> str:
    values = (value for key, value in response.headers if key.lower() == name)
    return next(values, b"").decode("latin-1")
