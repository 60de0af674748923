"""An uploaded file that is being decoded, and letting go of it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from service.engine.audio import DecodedAudio


@asynccontextmanager
async def released(audio: DecodedAudio) -> AsyncIterator[DecodedAudio]:
    """Give `audio` to the block, and close it at its end."""
    try:
        yield audio
    finally:
        if not audio.is_over:  # it may wait for a block that is decoded for a client who left
            await asyncio.to_thread(audio.close)
