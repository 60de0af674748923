"""Where live audio on the command line comes from: a microphone, a pipe, or a file played to it."""

import asyncio
import importlib
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import CancelledError
from contextlib import aclosing, closing, suppress
from pathlib import Path
from threading import Thread

import numpy as np
from numpy.typing import NDArray

from service.cli_files import open_file
from service.cli_pipes import in_daemon_thread, raw_standard_input
from service.engine.audio import AudioLimits, decode_audio
from service.engine.errors import EngineError, InvalidAudio
from service.engine.pcm import PcmDecoder

PIECE_S = 0.1  # of audio at a time, about as sound cards deliver it

_MAX_PENDING_PIECES = 100  # that the recogniser may lag behind a microphone
_PIPE_BYTES = 16_384
_HEADERS = (b"RIFF", b"fLaC", b"OggS", b"ID3")  # of files that are likeliest to be piped

Waveforms = AsyncGenerator[NDArray[np.float32], None]


class MicrophoneUnavailable(EngineError):
    """No audio can be recorded here."""


async def played_file(path: Path, sample_rate: int, in_real_time: bool) -> Waveforms:
    """A file's waveform [n] in pieces, each when a microphone would have delivered it.

    Raises what decoding it does.
    """
    file = await in_daemon_thread(lambda: open_file(path))
    clock = asyncio.get_running_loop().time
    started_s, heard_s = clock(), 0.0
    with file, closing(decode_audio(file, sample_rate, AudioLimits())) as audio:
        while (block := await asyncio.to_thread(lambda: next(audio, None))) is not None:
            for piece in np.array_split(block, max(1, round(len(block) / sample_rate / PIECE_S))):
                heard_s += len(piece) / sample_rate
                if in_real_time:
                    await asyncio.sleep(max(0.0, started_s + heard_s - clock()))
                yield piece


async def standard_input(pcm: PcmDecoder) -> Waveforms:
    """Raw audio from a pipe until it ends, in the pieces that it comes in.

    Raises:
        InvalidAudio: it is a file with a header, a sample is not finite, or the last is cut off.
    """
    async with aclosing(_from_thread(_read_pipe)) as pieces:
        async for piece in pieces:
            yield pcm.feed(piece)
    yield pcm.finish()


def _require_no_header(piece: bytes) -> None:
    if piece.startswith(_HEADERS):
        raise InvalidAudio(
            "The standard input is an audio file, not raw audio: its header would be heard as "
            "sound. Name the file instead of -, or record raw audio, as `arecord -t raw` does."
        )


async def microphone(pcm: PcmDecoder, sample_rate: int) -> Waveforms:
    """The default input of the sound card as `pcm_s16le` at `sample_rate` Hz, without end.

    Raises:
        MicrophoneUnavailable: the package sounddevice is not installed, or finds no microphone.
    """
    try:
        sounddevice = importlib.import_module("sounddevice")
    except (ImportError, OSError) as error:  # OSError: it has no PortAudio
        raise MicrophoneUnavailable(
            f"The microphone needs the package sounddevice: pip install sounddevice ({error}). "
            "Or pipe raw audio into `longwave stream -`."
        ) from None

    def record(put: Callable[[bytes], None]) -> None:
        block_length = round(PIECE_S * sample_rate)
        try:
            with sounddevice.RawInputStream(
                samplerate=sample_rate, blocksize=block_length, channels=1, dtype="int16"
            ) as device:
                while True:
                    put(bytes(device.read(block_length)[0]))
        except sounddevice.PortAudioError as error:
            raise MicrophoneUnavailable(f"The microphone does not work: {error}") from None

    async with aclosing(_from_thread(record)) as pieces:
        async for piece in pieces:
            yield pcm.feed(piece)


def _read_pipe(put: Callable[[bytes], None]) -> None:
    pipe = raw_standard_input()
    piece = pipe.read(_PIPE_BYTES)
    _require_no_header(piece)
    while piece:
        put(piece)
        piece = pipe.read(_PIPE_BYTES)


async def _from_thread(
    produce: Callable[[Callable[[bytes], None]], None],
) -> AsyncGenerator[bytes, None]:
    """What `produce` puts, from a thread that is left alone if nobody asks for more.

    A read that waits for a pipe or a device cannot be interrupted; the thread must not keep the
    process alive.
    """
    loop = asyncio.get_running_loop()
    pieces: asyncio.Queue[bytes | Exception | None] = asyncio.Queue(_MAX_PENDING_PIECES)

    def put(piece: bytes | Exception | None) -> None:
        putting = pieces.put(piece)
        try:
            asyncio.run_coroutine_threadsafe(putting, loop).result()
        except RuntimeError:  # the loop is closed
            putting.close()
            raise

    def run() -> None:
        with suppress(RuntimeError, CancelledError):  # nobody listens any more
            try:
                produce(put)
            except Exception as error:  # noqa: BLE001 - it is raised where the audio is awaited
                put(error)
            put(None)

    Thread(target=run, name="audio-source", daemon=True).start()
    while (piece := await pieces.get()) is not None:
        if isinstance(piece, Exception):
            raise piece
        yield piece
