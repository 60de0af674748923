"""One client of Vosk's protocol: its audio to the engine, its replies back."""

from collections.abc import Sequence

from service.api.vosk.messages import VoskConfig
from service.api.vosk.replies import partial_reply, result_reply
from service.api.vosk.wav_header import WavHeaderSkipper
from service.engine.audio import AudioLimits
from service.engine.events import Event, Partial, ended
from service.engine.options import Priority
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
        take = self._take = self._take_for(config)
        events = await take.accept(audio)
        self._limits.check(self._ended_s + take.duration_s)
        return self._result(take, events) if ended(events) else partial_reply(take.partial)

    async def result(self, config: VoskConfig) -> str:
        """End the utterance in progress; audio may follow, whose times go on counting.

        Raises: as `hear`.
        """
        take = self._take
        if take is None:
            return result_reply((), config, self._ended_s)
        reply = self._result(take, await take.finish())
        # At once, without waiting for anything: nobody else gets this client's place.
        self._take = _Take(self._recognizer, config)
        self._ended_s += take.duration_s
        return reply

    def close(self) -> None:
        """Give the client's place back."""
        if self._take is not None:
            self._take.close()

    def __enter__(self) -> "Conversation":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _take_for(self, config: VoskConfig) -> "_Take":
        take = self._take
        if take is not None and (take.has_heard or take.config == config):
            return take
        if take is not None:
            take.close()
        return _Take(self._recognizer, config)

    def _result(self, take: "_Take", events: Sequence[Event]) -> str:
        return result_reply(ended(events), take.config, self._ended_s)


class _Take:
    """Audio up to the client's next command, recognised with one configuration."""

    def __init__(self, recognizer: Recognizer, config: VoskConfig) -> None:
        bundle = recognizer.bundle
        encoded_rate = round(config.sample_rate)
        self.config = config
        self.has_heard = False
        self.partial = ""  # what the utterance in progress reads like
        sample_rate, block = bundle.framing.sample_rate, bundle.samples_per_live_chunk
        self._pcm = PcmDecoder(_ENCODING, encoded_rate, sample_rate, block)
        self._header = WavHeaderSkipper()
        self._num_bytes = 0
        self._stream = recognizer.stream(config.recognition(bundle), Priority.LIVE)

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
