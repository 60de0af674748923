"""How an evaluation feeds a recording to the engine: under a condition, as a file or live."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

from service.engine.audio import AudioLimits, decode_audio
from service.engine.events import Final
from service.engine.options import Priority, RecognitionOptions
from service.engine.recognizer import Recognizer, transcribe
from service.engine.transcript import Transcript
from training.channel import Waveform
from training.conditions import CLEAN, Conditioner

LIVE_PIECE_S = 0.32  # of audio, as a microphone sends it

RecogniseFile = Callable[[Path], Awaitable[str]]
"""The recognised text of an audio file; raises EngineError."""


@dataclass(frozen=True, slots=True)
class Listener:
    """Recognises recordings with an engine that runs."""

    recognizer: Recognizer
    options: RecognitionOptions
    conditioner: Conditioner
    live: bool = False  # in pieces, each recognised before the next is there

    async def recognise_file(self, audio: Path) -> str:
        """The text of a recording under the condition. Raises EngineError."""
        if not self.live and self.conditioner.condition == CLEAN:
            waveforms = decode_audio(audio, self._sample_rate, AudioLimits())
            return (await transcribe(self.recognizer, waveforms, self.options)).text
        return await self.recognise(await asyncio.to_thread(self.conditioner.recording, audio))

    async def recognise(self, waveform: Waveform) -> str:
        """The text of a waveform [n]. Raises EngineError."""
        if not self.live:
            return (await transcribe(self.recognizer, [waveform], self.options)).text
        length = round(LIVE_PIECE_S * self._sample_rate)
        with self.recognizer.stream(self.options, Priority.LIVE) as stream:
            events = []
            for start in range(0, len(waveform), length):
                events += await stream.accept(waveform[start : start + length])
            events += await stream.finish()
        segments = tuple(event.segment for event in events if isinstance(event, Final))
        return Transcript(segments, stream.duration_s, stream.timings).text

    def under(self, condition: str) -> "Listener":
        """The same under another condition. Raises InvalidCondition."""
        return replace(self, conditioner=replace(self.conditioner, condition=condition))

    @property
    def _sample_rate(self) -> int:
        return self.recognizer.bundle.framing.sample_rate
