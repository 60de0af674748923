"""One client of Vosk's protocol: its audio to the engine, its replies back."""

import asyncio
from collections.abc import Sequence

from service.api.vosk.messages import VoskConfig
from service.api.vosk.replies import partial_reply, result_reply
from service.api.vosk.wav_header import WavHeaderSkipper
from service.engine.audio import AudioLimits
from service.engine.errors import EngineError
from service.engine.events import Event, Partial, ended
from service.engine.options import Priority, RecognitionOptions
from service.engine.pcm import PcmDecoder
from service.engine.recognizer import Recognizer

_ENCODING = "pcm_s16le"
_BYTES_PER_SAMPLE = 2


class Conversation:
    """Every message of audio gets one reply. Owned by one task, which closes it.

    Args:
        limits: how long all of its audio together may be.
    """

    def __init__(self, recognizer: Recognizer, limits: AudioLimits) -> None:
        self._recognizer = recognizer
        self._limits = limits
        self._take: _Take | None = None
        self._ended_s = 0.0  # duration of the takes before this one

    async def hear(self, audio: bytes, config: VoskConfig) -> str:
        """Take in audio; the reply is a result if it ended an utterance, else a partial one.

        A configuration counts from the next take on that has not heard anything yet.

        Raises:
            Overloaded, StreamClosed: the engine takes no stream.
            AudioTooLong, InvalidAudio, UnsupportedEncoding: the audio is not what it should be.
        """
        take = self._take = await self._take_for(config)
        events = await take.accept(audio)
        self._limits.check(self._ended_s + take.duration_s)
        if not ended(events):
            return partial_reply(take.partial)
        return await _result(events, take.config, self._ended_s)

    async def result(self, config: VoskConfig, is_last: bool) -> str:
        """End the utterance in progress; unless it is the last, audio may follow.

        The times of that go on counting. It has the place of what came before, unless the engine
        takes no such stream at this moment: then more audio asks for one again.

        Raises:
            StreamClosed: the engine has stopped.
            InvalidAudio: as `hear`.
        """
        take, began_s = self._take, self._ended_s
        if take is None:
            return await _result((), config, began_s)
        events = await take.finish()
        self._ended_s += take.duration_s
        # At once, without waiting for anything: nobody else gets this client's place.
        self._take = None if is_last else self._next_take(config)
        return await _result(events, take.config, began_s)

    def close(self) -> None:
        """Give the client's place back."""
        if self._take is not None:
            self._take.close()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    async def _take_for(self, config: VoskConfig) -> "_Take":
        take = self._take
        if take is not None and (take.has_heard or take.config == config):
            return take
        self.close()
        options = config.recognition(self._recognizer.bundle)
        await self._recognizer.prepare(options)
        return _Take(self._recognizer, config, options)

    def _next_take(self, config: VoskConfig) -> "_Take | None":
        try:
            options = config.recognition(self._recognizer.bundle)
            return _Take(self._recognizer, config, options)
        except EngineError:
            return None


async def _result(events: Sequence[Event], config: VoskConfig, began_s: float) -> str:
    # In a thread where it may have hundreds of readings, which take their time.
    segments = ended(events)
    if config.nbest > 1:
        return await asyncio.to_thread(result_reply, segments, config, began_s)
    return result_reply(segments, config, began_s)


class _Take:
    """Audio up to the client's next command, recognised with one configuration."""

    def __init__(
        self, recognizer: Recognizer, config: VoskConfig, options: RecognitionOptions
    ) -> None:
        bundle = recognizer.bundle
        encoded_rate = round(config.sample_rate)
        self.config = config
        self.has_heard = False
        self.partial = ""  # what the utterance in progress reads like
        sample_rate, block = bundle.framing.sample_rate, bundle.samples_per_live_chunk
        self._pcm = PcmDecoder(_ENCODING, encoded_rate, sample_rate, block)
        self._header = WavHeaderSkipper()
        self._num_bytes = 0
        self._stream = recognizer.stream(options, Priority.LIVE)

    @property
    def duration_s(self) -> float:
        return self._stream.duration_s

    async def accept(self, audio: bytes) -> list[Event]:
        self.has_heard = True
        pcm = self._header.feed(audio)
        self._num_bytes += len(pcm)
        events = await self._stream.accept(self._pcm.feed(pcm))
        partials = [event.text for event in events if isinstance(event, Partial)]
        if ended(events) or partials:
            self.partial = "".join(partials[-1:])
        return events

    async def finish(self) -> list[Event]:
        # Vosk drops half a sample at the end; here its other half is made up.
        half = bytes(self._num_bytes % _BYTES_PER_SAMPLE)
        events = await self.accept(half)
        last = await self._stream.accept(self._pcm.finish())
        return [*events, *last, *await self._stream.finish()]

    def close(self) -> None:
        self._stream.close()
