"""The composition: a bundle, its acoustic model and the scheduler behind one facade."""

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from service.engine.acoustic import AcousticModel
from service.engine.bundle import Bundle
from service.engine.options import Priority, RecognitionOptions, RuntimeOptions
from service.engine.stream import Stream
from service.engine.transcript import Transcript


class Recognizer:
    """Recognises speech for any number of streams. Shared and immutable."""

    bundle: Bundle
    provider: str  # the execution provider that really runs

    def stream(self, options: RecognitionOptions, priority: Priority) -> Stream:
        """Open a stream; whoever opens it closes it.

        Raises:
            Overloaded: too many streams are open.
            StreamClosed: the engine is shutting down.
        """
        raise NotImplementedError


@asynccontextmanager
async def running_recognizer(folder: Path, options: RuntimeOptions) -> AsyncIterator[Recognizer]:
    """Load the bundle in `folder` and run it; on leaving, queued steps finish, then all stops.

    Raises:
        InvalidBundle: the bundle is missing, damaged or contradicts itself.
        ProviderUnavailable: a GPU is required and not there.
    """
    raise NotImplementedError
    yield


@asynccontextmanager
async def run_recognizer(
    bundle: Bundle, model: AcousticModel, options: RuntimeOptions
) -> AsyncIterator[Recognizer]:
    """Run a model that is loaded already; otherwise as `running_recognizer`."""
    raise NotImplementedError
    yield


async def transcribe(
    recognizer: Recognizer,
    waveforms: AsyncIterable[NDArray[np.float32]] | Iterable[NDArray[np.float32]],
    options: RecognitionOptions,
) -> Transcript:
    """Recognise a whole file with constant memory: a bulk stream fed until its end.

    Args:
        waveforms: blocks of mono audio at the model's rate, in [-1, 1]. A plain iterable is
            pulled in a thread, since decoding audio blocks.

    Raises:
        Overloaded: too many streams are open.
        InvalidAudio: a sample is not a finite number; EmptyAudio: there is no sample at all.
        Whatever `waveforms` raises.
    """
    raise NotImplementedError
