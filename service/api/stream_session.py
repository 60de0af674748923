"""One client's stream: its messages to the engine, the engine's events back."""

from collections.abc import Callable, Iterable
from contextlib import suppress

from service.api.errors import EdgeError, UnexpectedMessage
from service.api.socket_io import Inbox, Outbox
from service.api.stream_messages import (
    ClientMessage,
    DoneEvent,
    FinalEvent,
    Finalize,
    FinalizedEvent,
    Finish,
    PartialEvent,
    ReadyEvent,
    Start,
    parse_message,
)
from service.engine.audio import AudioLimits
from service.engine.errors import EngineError, InvalidAudio
from service.engine.events import Event, Final
from service.engine.options import Priority
from service.engine.pcm import PcmDecoder
from service.engine.recognizer import Recognizer
from service.engine.stream import Stream


async def hold_session(
    inbox: Inbox, outbox: Outbox, recognizer: Recognizer, limits: AudioLimits
) -> None:
    """All of a client's stream: start, audio, finish.

    Raises:
        EdgeError, EngineError: the client did something wrong, or the engine cannot go on. What
            was recognised before is in the outbox.
        WebSocketDisconnect: the client left.
    """
    start = await _receive_start(inbox)
    bundle = recognizer.bundle
    sample_rate, block = bundle.framing.sample_rate, bundle.samples_per_live_chunk
    pcm = PcmDecoder(start.encoding, start.sample_rate, sample_rate, block)
    options = start.recognition(bundle)
    await recognizer.prepare(options)
    with recognizer.stream(options, Priority.LIVE) as stream:
        await outbox.put(ReadyEvent.of(start, bundle))
        listener = _Listener(stream, pcm, limits, inbox.want)
        teller = _Teller(outbox, start.interim_results)
        try:
            await _relay(inbox, listener, teller)
        except (EdgeError, EngineError):
            with suppress(EngineError):  # the engine itself may be what failed
                await teller.tell(await listener.break_off())
            raise
        await outbox.put(DoneEvent.of(stream))


async def _receive_start(inbox: Inbox) -> Start:
    message = await inbox.receive()
    start = parse_message(message) if isinstance(message, str) else None
    if not isinstance(start, Start):
        raise UnexpectedMessage('The first message must be JSON with the "type" "start".')
    return start


async def _relay(inbox: Inbox, listener: "_Listener", teller: "_Teller") -> None:
    """Audio in and events out until the client finishes."""
    while not isinstance(message := await _received(inbox), Finish):
        if isinstance(message, bytes):
            await teller.tell(await listener.accept(message))
        elif isinstance(message, Finalize):
            await teller.tell_finalized(await listener.finalize(), listener.stream)
        elif isinstance(message, Start):
            raise UnexpectedMessage("The stream has started already.")
    await teller.tell(await listener.finish())


async def _received(inbox: Inbox) -> bytes | ClientMessage:
    message = await inbox.receive()
    return message if isinstance(message, bytes) else parse_message(message)


class _Listener:
    """Raw audio of any cut, within limits, to the engine's stream.

    Args:
        want: is told how many more bytes it takes, at least, until a step can be made of them.
    """

    def __init__(
        self, stream: Stream, pcm: PcmDecoder, limits: AudioLimits, want: Callable[[int], None]
    ) -> None:
        self.stream = stream
        self._pcm = pcm
        self._limits = limits
        self._want = want

    async def accept(self, audio: bytes) -> list[Event]:
        waveform = self._pcm.feed(audio)
        self._want(self._pcm.num_bytes_missing)  # before the step: more may arrive while it runs
        is_checked = self._pcm.is_bounded
        events = await self.stream.accept(waveform, is_checked) if len(waveform) else []
        self._limits.check(self.stream.duration_s)
        return events

    async def finalize(self) -> list[Event]:
        events = await self.stream.accept(self._pcm.rest())
        return [*events, *await self.stream.finalize()]

    async def break_off(self) -> list[Event]:
        """End where something went wrong: all that can be told of what came before."""
        last: list[Event] = []
        with suppress(InvalidAudio):
            last = await self.stream.accept(self._pcm.rest())
        return [*last, *await self.stream.finish()]

    async def finish(self) -> list[Event]:
        last = await self.stream.accept(self._pcm.finish())
        return [*last, *await self.stream.finish()]


class _Teller:
    """The engine's events to those that the client wants."""

    def __init__(self, outbox: Outbox, interim_results: bool) -> None:
        self._outbox = outbox
        self._interim_results = interim_results

    async def tell(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Final):
                await self._outbox.put(FinalEvent.of(event))
            elif self._interim_results:
                await self._outbox.put(PartialEvent.of(event))

    async def tell_finalized(self, events: Iterable[Event], stream: Stream) -> None:
        await self.tell(events)
        await self._outbox.put(FinalizedEvent.of(stream))
