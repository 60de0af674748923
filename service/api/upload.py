"""Reading an uploaded file: a form's or the raw body, bounded and never whole in memory."""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from io import BytesIO
from tempfile import SpooledTemporaryFile
from typing import BinaryIO, cast

from fastapi import Request
from starlette.datastructures import UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from service.api.errors import BodyCompressed, NotMultipart, UploadTooLarge
from service.api.pace import paced
from service.engine.errors import Overloaded
from service.engine.recognizer import Recognizer
from service.settings import Settings

FILE_FIELD = "file"
URL_FIELD = "url"  # in its place

_FORM = "multipart/form-data"
_MAX_FIELDS = 256  # each phrase to boost is one
_MAX_FIELD_BYTES = 16 * 1024
_MAX_BYTES_IN_MEMORY = 1024 * 1024  # of one upload; more goes to a temporary file
_RETRY_AFTER_S = 1.0
_WHAT_A_FILE_IS = "A part is a file if it has a filename, as of curl -F file=@speech.wav."


@dataclass(frozen=True, slots=True)
class Upload:
    """An uploaded file, at its start, and what came with it."""

    file: BinaryIO  # empty where none was sent
    fields: tuple[tuple[str, str], ...] = ()  # of the form, the file excepted
    content_type: str = ""  # of the file, in lower case


def require_form(request: Request) -> None:
    """Raise NotMultipart unless the body says that it is a form."""
    if not _content_type(request).startswith(_FORM):
        raise NotMultipart("Send the file and the other fields as multipart/form-data.")


def _content_type(request: Request) -> str:
    return request.headers.get("content-type", "").lower()


class Uploads:
    """Receives the uploads of all clients, within limits: their number, their size and their pace.

    An upload counts until its file is let go, when it has been recognised. Where files wait for
    slow clients, they take no place from live streams.
    """

    def __init__(self, settings: Settings, recognizer: Recognizer) -> None:
        self._settings = settings
        self._recognizer = recognizer
        self.num_held = 0
        self.num_refused = 0

    @asynccontextmanager
    async def received(self, request: Request) -> AsyncIterator[Upload]:
        """The body of `request`: `multipart/form-data`, or with any other type the file itself.

        Raises:
            Overloaded: there are too many uploads, or there is no room for another stream, before
                anything is read.
            StreamClosed: the engine is shutting down, likewise.
            BodyCompressed: it is, before anything is read.
            UploadTooLarge: the body is larger than the limit; no more than that is read.
            ClientIdle: the client stopped sending.
            NotMultipart: a form is damaged or has neither a file nor a URL.
            ClientDisconnect: the client went away.
        """
        self._recognizer.check_room()
        _check_encoding(request)
        with self._counted():
            chunks = _bounded(request, self._settings)
            content_type = _content_type(request)
            is_form = content_type.startswith(_FORM)
            reading = _read_form(request, chunks) if is_form else _read_raw(chunks, content_type)
            upload = await reading
            with upload.file:
                yield upload

    @contextmanager
    def _counted(self) -> Iterator[None]:
        limit = self._settings.max_streams
        if self.num_held >= limit:
            self.num_refused += 1
            raise Overloaded(f"{limit} files are being received or recognised", _RETRY_AFTER_S)
        self.num_held += 1
        try:
            yield
        finally:
            self.num_held -= 1


def _check_encoding(request: Request) -> None:
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding != "identity":
        raise BodyCompressed(
            f"The body has the content encoding {encoding!r:.40}. Send it without: formats of "
            "audio are compressed by themselves."
        )


async def _bounded(request: Request, settings: Settings) -> AsyncGenerator[bytes, None]:
    """The body, piece by piece; one that declares itself too large is not begun."""
    max_bytes = settings.max_upload_bytes
    too_large = UploadTooLarge(f"The upload is larger than the limit of {max_bytes} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > max_bytes:
        raise too_large
    num_bytes = 0
    async for chunk in paced(request.stream(), settings.stream_idle_timeout_s):
        num_bytes += len(chunk)
        if num_bytes > max_bytes:
            raise too_large
        yield chunk


async def _read_raw(chunks: AsyncGenerator[bytes, None], content_type: str) -> Upload:
    with ExitStack() as on_error:
        spool = on_error.enter_context(SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY))
        file = cast(BinaryIO, spool)
        upload = UploadFile(file)  # writes in a thread once it is on disk
        async for chunk in chunks:
            await upload.write(chunk)
        await upload.seek(0)
        on_error.pop_all()
    return Upload(file, content_type=content_type)


async def _read_form(request: Request, chunks: AsyncGenerator[bytes, None]) -> Upload:
    parser = MultiPartParser(
        request.headers,
        chunks,
        max_files=1,
        max_fields=_MAX_FIELDS,
        max_part_size=_MAX_FIELD_BYTES,
    )
    try:
        form = await parser.parse()
    except MultiPartException as error:
        raise NotMultipart(f"The form cannot be read: {error.message} {_WHAT_A_FILE_IS}") from error
    file = form.get(FILE_FIELD)
    texts = tuple((name, value) for name, value in form.multi_items() if isinstance(value, str))
    if isinstance(file, UploadFile):
        return Upload(file.file, texts, (file.content_type or "").lower())
    if len(texts) == len(form.multi_items()) and form.get(URL_FIELD):
        return Upload(BytesIO(), texts)
    await form.close()
    raise NotMultipart(f"The form has no file named {FILE_FIELD!r}. {_WHAT_A_FILE_IS}")
