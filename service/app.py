"""Wiring: the engine, the handlers and the server. Nothing here knows how any of them works."""

import asyncio
import ctypes
import gc
import logging
import signal
from socket import socket
from typing import TYPE_CHECKING

import uvicorn
from fastapi import FastAPI
from fastapi.middleware.cors import CORSMiddleware
from fastapi_offline import FastAPIOffline
from uvicorn.loops.auto import auto_loop_factory

from service.api import health, metrics, no_socket, stream, transcribe
from service.api.documentation import description
from service.api.error_handlers import add_error_handlers
from service.api.gathering import GatheringProtocol
from service.api.http_protocol import BoundedHttpProtocol
from service.api.openai import models, transcriptions
from service.api.request_id import HEADER, RequestIdMiddleware
from service.api.upload import Uploads
from service.api.vosk import route as vosk
from service.engine.compiled import warm_up
from service.engine.recognizer import Recognizer, running_recognizer
from service.listeners import Listeners, address_of, open_listeners
from service.settings import Settings
from service.version import service_version

if TYPE_CHECKING:
    from service.api.remote_file import RemoteFiles

logger = logging.getLogger(__name__)

_KEEP_ALIVE_S = 30
_SLOW_START_S = 8.0  # beyond what any machine takes to load what is compiled already
_LEAVE_TAKING_S = 5.0  # at most, of requests that take too long for a service that stops
# New objects for a collection of the young, those for one of the older, and those for one of all.
# Nearly all that a message needs is gone without any, so that Python's 700 searches often in vain.
_COLLECTIONS = (10_000, 5, 2)
_M_ARENA_MAX = -8  # of malloc.h


def create_app(
    settings: Settings, recognizer: Recognizer, remote_files: "RemoteFiles | None" = None
) -> FastAPI:
    """The web application on top of a running recognizer, which stays its caller's.

    Where Vosk's clients have a port of their own, it is `settings.vosk_port`.

    Args:
        remote_files: fetches the files of URLs; None: as the settings say.
    """
    if remote_files is None and settings.allow_urls:
        remote_files = _public_files(settings)
    # Offline: `/docs` has its scripts in the package instead of fetching them from the web.
    app = FastAPIOffline(title="Longwave", version=service_version(), description=description())
    app.state.settings = settings
    app.state.recognizer = recognizer
    app.state.uploads = Uploads(settings, recognizer)
    app.state.remote_files = remote_files
    for module in (transcribe, stream, transcriptions, models, vosk, health, metrics, no_socket):
        app.include_router(module.router)
    add_error_handlers(app)
    if settings.vosk_port:
        app.add_middleware(vosk.VoskPort, port=settings.vosk_port)
    app.add_middleware(RequestIdMiddleware)
    if settings.origins:
        _let_pages_call(app, settings.origins)
    return app


def _let_pages_call(app: FastAPI, origins: list[str]) -> None:
    # Outermost, because without its headers a page may not read errors either.
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_methods=["GET", "POST"],
        allow_headers=["*"],
        expose_headers=[HEADER, "Retry-After"],
    )


def _public_files(settings: Settings) -> "RemoteFiles":
    # Here, because an HTTP client takes its time to import, and few services are allowed to fetch.
    from service.api.remote_file import RemoteFiles

    return RemoteFiles(settings.max_upload_bytes, settings.url_timeout_s)


def server_config(settings: Settings, app: FastAPI) -> uvicorn.Config:
    """How the application is served."""
    return uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        lifespan="off",  # the engine outlives the server: see `serve`
        log_config=None,
        http=BoundedHttpProtocol,
        ws=GatheringProtocol,
        # Above the limit that the stream checks, so that the client is told what was wrong.
        ws_max_size=2 * settings.max_message_bytes,
        ws_per_message_deflate=False,  # audio does not shrink
        timeout_keep_alive=_KEEP_ALIVE_S,
        timeout_graceful_shutdown=settings.shutdown_timeout_s,
    )


class _Server(uvicorn.Server):
    """Says where it listens, as uvicorn does not of sockets that it is given, and ends in order."""

    def __init__(self, config: uvicorn.Config, listeners: Listeners) -> None:
        super().__init__(config)
        self._listeners = listeners

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        for listener in self._listeners.main:
            logger.info("listening on http://%s", address_of(listener))
        for listener in self._listeners.vosk:
            logger.info("listening on ws://%s for clients of Vosk", address_of(listener))

    async def shutdown(self, sockets: list[socket] | None = None) -> None:
        await super().shutdown(sockets)
        if self.server_state.tasks and not self.force_exit:
            # They have been cancelled, and still tell their clients so and let go of their files.
            await asyncio.wait(self.server_state.tasks, timeout=_LEAVE_TAKING_S)


async def serve(settings: Settings) -> None:
    """Load the model and serve until a signal; then stop accepting, drain, and release.

    Raises:
        InvalidBundle, ProviderUnavailable: the model cannot be run as asked.
        InvalidSetting: a port cannot be listened on.
    """
    options = settings.runtime_options()
    is_slow = asyncio.get_running_loop().call_later(_SLOW_START_S, _tell_of_a_slow_start)
    # Warmed up, or the first beam search would wait for it.
    async with running_recognizer(settings.model, options, warm_up) as recognizer:
        is_slow.cancel()
        logger.info("model %s runs on %s", recognizer.bundle.name, recognizer.provider)
        listeners = open_listeners(settings)
        if not listeners.vosk:
            settings = settings.model_copy(update={"vosk_port": 0})
        server = _Server(server_config(settings, create_app(settings, recognizer)), listeners)
        _leave_signals_to_the_server()
        _leave_what_stays_to_no_collection()
        _give_back_what_loading_took()
        await server.serve([*listeners.main, *listeners.vosk])


def run(settings: Settings) -> None:
    """Serve in this process until it is told to stop; raises what `serve` raises."""
    logging.basicConfig(
        level=settings.log_level.upper(), format="%(asctime)s %(levelname)s %(name)s: %(message)s"
    )
    gc.disable()  # until all is loaded: none of it is garbage
    _share_one_heap()
    with asyncio.Runner(loop_factory=auto_loop_factory()) as runner:
        runner.run(serve(settings))


def _tell_of_a_slow_start() -> None:
    logger.info("the first start compiles the search, once, for a minute or two; please wait")


def _leave_what_stays_to_no_collection() -> None:
    # Imports and compiled code are 100,000 objects and more. Whenever all objects are searched for
    # garbage, every stream waits until these have been, too: for as much as a tenth of a second.
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)
    gc.enable()


def _share_one_heap() -> None:
    # Each thread would get its own from glibc, and what one has freed is of no use to the others:
    # 20 MB, and growth by and by. The interpreter's lock leaves little to wait for.
    _tell_glibc("mallopt", _M_ARENA_MAX, 1)


def _give_back_what_loading_took() -> None:
    # What was freed among what stays would be kept: 70 MB, a sixth of all.
    _tell_glibc("malloc_trim", 0)


def _tell_glibc(function: str, *arguments: int) -> None:
    """Call a function that other C libraries do not have, and do not need."""
    called = getattr(ctypes.CDLL(None), function, None)
    if called is not None:
        called(*arguments)


def _leave_signals_to_the_server() -> None:
    # While it serves, the server has its own handlers. Once it has stopped it raises the signal
    # again, which would end the process before the engine has drained.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
