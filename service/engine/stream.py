"""One source of speech: audio in, events out."""

import numpy as np
from numpy.typing import NDArray

from service.engine.events import Event
from service.engine.transcript import Timings


class Stream:
    """What one caller says, recognised while it is said. Owned by one task.

    An error or a cancellation in `accept` or `finish` closes the stream.
    """

    timings: Timings
    duration_s: float  # of the audio accepted so far

    async def accept(self, waveform: NDArray[np.float32]) -> list[Event]:
        """Take in samples [n], mono, at the model's rate, in [-1, 1]; n is any number.

        It returns when the steps that these samples complete have run: this is the back-pressure.

        Raises:
            InvalidAudio: a sample is not a finite number.
            StreamClosed: the stream is finished or closed.
        """
        raise NotImplementedError

    async def finish(self) -> list[Event]:
        """Flush what has been accepted, end the last utterance and close the stream.

        Raises:
            StreamClosed: the stream is finished or closed.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give the stream up and drop its queued steps. Closing twice does nothing."""
        raise NotImplementedError

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
