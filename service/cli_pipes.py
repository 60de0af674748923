"""Pipes, the standard input above all: nothing interrupts a read of one, and none can be sought."""

import asyncio
import errno
import shutil
import sys
from collections.abc import Callable
from concurrent.futures import Future
from io import BufferedReader, FileIO
from tempfile import SpooledTemporaryFile
from threading import Thread
from typing import BinaryIO, TypeVar, cast

T = TypeVar("T")

_MAX_BYTES_IN_MEMORY = 16 * 1024 * 1024


def raw_standard_input() -> BinaryIO:
    """The standard input without its buffer, which a read that waits keeps locked.

    The interpreter wants that lock when it ends, and aborts where it does not get it.

    Raises:
        OSError: it is closed.
    """
    if sys.stdin is None:
        raise OSError(errno.EBADF, "The standard input is closed")
    return cast("BufferedReader[FileIO]", sys.stdin.buffer).raw


def spooled(pipe: BinaryIO) -> BinaryIO:
    """All that comes through a pipe until it ends, seekable as most formats have to be.

    Raises:
        OSError: it cannot be read or kept.
    """
    spool = SpooledTemporaryFile(max_size=_MAX_BYTES_IN_MEMORY)  # noqa: SIM115 - the caller's
    shutil.copyfileobj(pipe, spool)
    return cast(BinaryIO, spool)


async def in_daemon_thread(call: Callable[[], T]) -> T:
    """As `asyncio.to_thread`, for a call that may wait for a pipe: the process can end meanwhile.

    Raises what `call` raises.
    """
    outcome: Future[T] = Future()
    outcome.set_running_or_notify_cancel()  # whoever waits may give up; the call goes on

    def run() -> None:
        try:
            outcome.set_result(call())
        except Exception as error:  # noqa: BLE001 - it is raised where the outcome is awaited
            outcome.set_exception(error)

    Thread(target=run, daemon=True).start()
    return await asyncio.wrap_future(outcome)
