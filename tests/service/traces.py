"""What requests leave behind where they do not end well."""

import asyncio
from collections.abc import Callable
from contextlib import ExitStack, suppress
from tempfile import SpooledTemporaryFile
from typing import Any

import psutil
import pytest

from service.engine.errors import Overloaded
from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer

PATIENCE_S = 10.0


def keep_spools(monkeypatch: pytest.MonkeyPatch) -> list[SpooledTemporaryFile[bytes]]:
    """The files that uploads go to from now on.

    As long as they are kept here, nobody closes them but who ought to: the garbage collector would
    close those that are forgotten as well.
    """
    spools: list[SpooledTemporaryFile[bytes]] = []

    def spooled(*args: Any, **options: Any) -> SpooledTemporaryFile[bytes]:
        spools.append(SpooledTemporaryFile(*args, **options))  # noqa: SIM115 - its taker closes it
        return spools[-1]

    for module in ("service.api.upload", "starlette.formparsers"):
        monkeypatch.setattr(f"{module}.SpooledTemporaryFile", spooled)
    return spools


def num_descriptors() -> int:
    """Files and sockets that this process has open."""
    count: int = psutil.Process().num_fds()
    return count


def has_free_places(recognizer: Recognizer) -> bool:
    """Whether all four places of the service are free."""
    with suppress(Overloaded), ExitStack() as streams:
        for _ in range(4):
            streams.enter_context(recognizer.stream(RecognitionOptions(), Priority.BULK))
        return True
    return False


async def until(is_so: Callable[[], bool]) -> None:
    """Wait for what nobody tells."""
    async with asyncio.timeout(PATIENCE_S):
        while not is_so():  # noqa: ASYNC110 - see above
            await asyncio.sleep(0.01)
