"""What `create_app` wired up, as the handlers ask for it.

The dependencies are coroutines because FastAPI runs plain functions in a thread. Even so, solving
each costs more than anything else around a short file, whose handler calls the functions itself;
so does that of streams.
"""

from typing import TYPE_CHECKING, Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from service.api.upload import Uploads
from service.engine.recognizer import Recognizer
from service.settings import Settings

if TYPE_CHECKING:
    from service.api.remote_file import RemoteFiles


def recognizer_of(connection: HTTPConnection) -> Recognizer:
    return cast(Recognizer, connection.app.state.recognizer)


def settings_of(connection: HTTPConnection) -> Settings:
    return cast(Settings, connection.app.state.settings)


def uploads_of(connection: HTTPConnection) -> Uploads:
    return cast(Uploads, connection.app.state.uploads)


def remote_files_of(connection: HTTPConnection) -> "RemoteFiles | None":
    return cast("RemoteFiles | None", connection.app.state.remote_files)


async def _recognizer(connection: HTTPConnection) -> Recognizer:
    return recognizer_of(connection)


async def _settings(connection: HTTPConnection) -> Settings:
    return settings_of(connection)


RecognizerDependency = Annotated[Recognizer, Depends(_recognizer)]
SettingsDependency = Annotated[Settings, Depends(_settings)]
