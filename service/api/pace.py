"""The pace that a client keeps up while it sends a body."""

import asyncio
from collections.abc import AsyncGenerator
from typing import Final

from service.api.errors import ClientIdle

# As Apache's mod_reqtimeout has it. A live recording makes more, in any codec.
MIN_BYTES_PER_S: Final = 500


async def paced(body: AsyncGenerator[bytes, None], limit_s: float) -> AsyncGenerator[bytes, None]:
    """The pieces of `body` for as long as they keep coming; an empty one ends it.

    The client may keep us waiting for `limit_s`. Every `MIN_BYTES_PER_S` bytes earn it a second
    more, but what it has left is never above the limit: so neither a client that stops after much
    nor one that sends a byte now and then goes on for ever. Our own time is not counted.

    Raises:
        ClientIdle: nothing came in time.
        Whatever `body` raises.
    """
    clock, left_s = asyncio.get_running_loop().time, limit_s
    while True:
        began_s = clock()
        try:
            async with asyncio.timeout(left_s):
                piece = await anext(body, b"")
        except TimeoutError:
            raise ClientIdle(_message(limit_s)) from None
        left_s = min(limit_s, left_s - (clock() - began_s) + len(piece) / MIN_BYTES_PER_S)
        if not piece:
            return
        yield piece


def _message(limit_s: float) -> str:
    return (
        f"For {limit_s:g} s nothing of the upload arrived, or less than {MIN_BYTES_PER_S} bytes a "
        "second. Send it again without a break; live audio goes to /stream."
    )
