"""A request for a file's text: what was sent and asked for, ready for the engine."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from fastapi import Request

from service.api.decoded import released
from service.api.file_options import FileOptions
from service.api.formats import render
from service.api.option_parsing import parse_options
from service.api.upload import Upload, Uploads
from service.engine.audio import AudioLimits, DecodedAudio, decode_audio, decode_channels
from service.engine.errors import InvalidOption
from service.engine.recognizer import Recognizer
from service.engine.transcript import Transcript
from service.engine.transcription import Progress, transcribe, transcribe_in_parts
from service.settings import Settings

if TYPE_CHECKING:
    from service.api.remote_file import RemoteFiles

# The text of less audio is quicker made than a thread is changed for it.
_RENDERED_AT_ONCE_S = 60.0


@dataclass(frozen=True, slots=True)
class FileJob:
    """One file on its way through the engine."""

    recognizer: Recognizer
    options: FileOptions
    audio: DecodedAudio

    async def body(self) -> str:
        """Recognise the file; the text of the answer, in the format that was asked for.

        Raises what `transcribe` raises.
        """
        recognition = self.options.recognition(self.recognizer.bundle)
        return await self.told(await transcribe(self.recognizer, self.audio, recognition))

    def parts(self) -> AsyncGenerator[Progress | Transcript, None]:
        """Recognise the file and tell the progress; last comes the transcript.

        Raises what `transcribe` raises.
        """
        recognition = self.options.recognition(self.recognizer.bundle)
        return transcribe_in_parts(self.recognizer, self.audio, recognition)

    async def told(self, transcript: Transcript) -> str:
        """A transcript of this file in the format that was asked for."""
        response_format, bundle = self.options.response_format, self.recognizer.bundle
        if transcript.duration_s < _RENDERED_AT_ONCE_S:
            return render(transcript, response_format, bundle)
        return await asyncio.to_thread(render, transcript, response_format, bundle)


@asynccontextmanager
async def received_job(
    request: Request,
    recognizer: Recognizer,
    settings: Settings,
    uploads: Uploads,
    remote_files: "RemoteFiles | None",
) -> AsyncIterator[FileJob]:
    """Receive a request whole; leaving lets go of its file.

    Raises:
        InvalidOption, UnsupportedEncoding: an option is wrong. Those of the query are checked
            before the body is read.
        Overloaded, StreamClosed, BodyCompressed, UploadTooLarge, ClientIdle, NotMultipart,
            ClientDisconnect: as `Uploads.received`.
        UrlRefused, UrlFailed, UploadTooLarge: as `RemoteFiles.fetched`.
    """
    query = request.query_params.multi_items()
    options = parse_options(query, FileOptions)
    options.recognition(recognizer.bundle)
    async with uploads.received(request) as upload:
        if upload.fields:
            options = parse_options([*query, *upload.fields], FileOptions)
        raw = options.raw_audio(upload.content_type)
        async with _file(upload, options.url, remote_files) as file:
            decode = decode_audio if options.channels == "mix" else decode_channels
            limits = AudioLimits(settings.max_duration_s)
            sample_rate = recognizer.bundle.framing.sample_rate
            async with released(decode(file, sample_rate, limits, raw)) as audio:
                yield FileJob(recognizer, options, audio)


@asynccontextmanager
async def _file(
    upload: Upload, url: str | None, remote_files: "RemoteFiles | None"
) -> AsyncIterator[BinaryIO]:
    """The file itself, wherever it is."""
    if url is None:
        yield upload.file
        return
    if remote_files is None:
        raise InvalidOption(
            "url is given, but this service fetches no files (LONGWAVE_ALLOW_URLS). "
            "Send the file itself."
        )
    if upload.file.read(1):
        raise InvalidOption("Both a file and a url are given. Send one of them.")
    async with remote_files.fetched(url) as file:
        yield file
