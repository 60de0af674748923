"""What `create_app` wired up, as the handlers ask for it.

These are coroutines because FastAPI runs plain functions in a thread, each time.
"""

from typing import Annotated, cast

from fastapi import Depends
from starlette.requests import HTTPConnection

from service.api.remote_file import RemoteFiles
from service.engine.recognizer import Recognizer
from service.settings import Settings


async def _recognizer(connection: HTTPConnection) -> Recognizer:
    return cast(Recognizer, connection.app.state.recognizer)


async def _settings(connection: HTTPConnection) -> Settings:
    return cast(Settings, connection.app.state.settings)


async def _remote_files(connection: HTTPConnection) -> RemoteFiles | None:
    return cast(RemoteFiles | None, connection.app.state.remote_files)


RecognizerDependency = Annotated[Recognizer, Depends(_recognizer)]
SettingsDependency = Annotated[Settings, Depends(_settings)]
RemoteFilesDependency = Annotated[RemoteFiles | None, Depends(_remote_files)]
