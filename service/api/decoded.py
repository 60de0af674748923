"""An uploaded file as the waveform that the model hears."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import BinaryIO

from service.engine.audio import AudioLimits, DecodedAudio, decode_audio


@asynccontextmanager
async def decoded(
    file: BinaryIO, sample_rate: int, limits: AudioLimits
) -> AsyncIterator[DecodedAudio]:
    """Decode `file` as `decode_audio` does, and let go of it at the end."""
    waveforms = decode_audio(file, sample_rate, limits)
    try:
        yield waveforms
    finally:  # it may have to wait for a block that is being decoded for a client who left
        await asyncio.to_thread(waveforms.close)
