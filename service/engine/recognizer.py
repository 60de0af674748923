"""The composition: a bundle, its acoustic model and the scheduler behind one facade."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from service.engine.acoustic import AcousticModel
from service.engine.bundle import LANGUAGE_MODEL, LEXICON, RULES, Bundle, load_bundle
from service.engine.calibration import UNCALIBRATED
from service.engine.chunking import Chunker
from service.engine.decoders import make_decoder
from service.engine.endpointing import Endpointer
from service.engine.frames import FrameReader
from service.engine.language_model import LanguageModel, load_language_model
from service.engine.letter_to_sound import read_rules
from service.engine.lexicon import read_lexicon
from service.engine.numerals import with_numerals
from service.engine.onnx_acoustic import CPU, load_acoustic_model
from service.engine.options import Priority, RecognitionOptions, RuntimeOptions
from service.engine.scheduler import Scheduler, SchedulerLimits
from service.engine.segmenter import Segmenter
from service.engine.steps import Step, Stepped, StepRunner
from service.engine.stream import RunDecoding, Stream, StreamParts
from service.engine.tally import Tally
from service.engine.transcript import Segment
from service.engine.transcription import transcribe

__all__ = ["Recognizer", "run_recognizer", "running_recognizer", "transcribe"]

T = TypeVar("T")

_NUM_SEGMENTERS = 16  # that are kept for streams that want the same


class Recognizer:
    """Recognises speech for any number of streams. Shared and immutable.

    Args:
        bundle: describes the model.
        model: the acoustic model.
        scheduler: runs the model's steps; running.
        decoding_pool: threads for decoders that take their time.
        language_model: what the beam decoder fuses, if the bundle has one.
    """

    def __init__(
        self,
        bundle: Bundle,
        model: AcousticModel,
        scheduler: Scheduler[Step, Stepped],
        decoding_pool: Executor,
        language_model: LanguageModel | None = None,
    ) -> None:
        self._bundle = bundle
        self._model = model
        self._scheduler = scheduler
        self._decoding_pool = decoding_pool
        # It changes nothing, so streams that want the same share it.
        self._segmenter = lru_cache(maxsize=_NUM_SEGMENTERS)(
            lambda options: make_segmenter(bundle, language_model, options)
        )

    @property
    def bundle(self) -> Bundle:
        return self._bundle

    @property
    def provider(self) -> str:
        """The execution provider that really runs, in ONNX Runtime's spelling."""
        return self._model.provider

    @property
    def precision(self) -> str:
        """The precision that really runs: float32, float16 or int8."""
        return self._model.precision

    @property
    def tally(self) -> Tally:
        """What it does and has done, counted in steps of streams; for reading only."""
        return self._scheduler.tally

    @property
    def live_delay_s(self) -> float:
        """How late the steps of live streams are at present, on average."""
        return self._scheduler.live_delay_s

    def check_room(self) -> None:
        """Raise what `stream` would raise now, and open none."""
        self._scheduler.check_room()

    def check_running(self) -> None:
        """Raise StreamClosed if the engine is shutting down; a full one runs all the same."""
        self._scheduler.check_running()

    async def prepare(self, options: RecognitionOptions) -> None:
        """Make what streams with these options need, off the event loop where it takes its time.

        It is optional: `stream` makes what it does not find.

        Raises: as `stream`, before anything is made.
        """
        if options.boost:
            self.check_room()
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._decoding_pool, self._segmenter, options)

    def stream(self, options: RecognitionOptions, priority: Priority) -> Stream:
        """Open a stream; whoever opens it closes it.

        Raises:
            Overloaded: too many streams are open, or live ones are late.
            StreamClosed: the engine is shutting down.
        """
        seat = self._scheduler.admit(priority)
        try:
            return Stream(self._stream_parts(options, priority), seat)
        except BaseException:
            seat.close()
            raise

    def _stream_parts(self, options: RecognitionOptions, priority: Priority) -> StreamParts:
        bundle, somebody_speaks = self._bundle, self._scheduler.has_live_callers
        return StreamParts(
            sample_rate=bundle.framing.sample_rate,
            initial_state=self._model.initial_state(),
            chunker=Chunker(bundle.framing, bundle.chunk_frames, priority, somebody_speaks),
            segmenter=self._segmenter(options),
            run_decoding=self._run_decoding(options),
            listens_in_batch=priority is Priority.LIVE and self.provider == CPU,
            wants_partials=priority is Priority.LIVE,
            rewrite=_rewriting(bundle, options),
        )

    def _run_decoding(self, options: RecognitionOptions) -> RunDecoding:
        return _at_once if options.decoder == "greedy" else _in(self._decoding_pool)


def make_segmenter(
    bundle: Bundle, language_model: LanguageModel | None, options: RecognitionOptions
) -> Segmenter[Any]:
    """What turns a stream's frames into text as the options say, or else the bundle."""
    endpointer = Endpointer(options.endpointing, bundle.framing)
    decoder = make_decoder(bundle, language_model, options)
    calibration = bundle.decoding.calibration.get(options.decoder, UNCALIBRATED)
    return Segmenter(decoder, endpointer, bundle.framing, options.nbest, calibration)


def _rewriting(bundle: Bundle, options: RecognitionOptions) -> Callable[[Segment], Segment]:
    if not options.numerals:
        return lambda segment: segment
    return lambda segment: with_numerals(segment, bundle.language)


async def _at_once(function: Callable[[], T]) -> T:
    return function()


def _in(pool: Executor) -> RunDecoding:
    async def run(function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, function)

    return run


@asynccontextmanager
async def running_recognizer(
    folder: Path, options: RuntimeOptions, meanwhile: Callable[[], None] = lambda: None
) -> AsyncIterator[Recognizer]:
    """Load the bundle in `folder` and run it; on leaving, queued steps finish, then all stops.

    Args:
        meanwhile: is called in a thread while the models of a bundle that is whole are loaded.

    Raises:
        InvalidBundle: the bundle is missing, damaged or contradicts itself.
        ProviderUnavailable: a GPU is required and not there.
    """
    bundle = await asyncio.to_thread(load_bundle, folder)
    model, language_model, _ = await asyncio.gather(
        asyncio.to_thread(load_acoustic_model, bundle, options),
        asyncio.to_thread(bundle_language_model, bundle),
        asyncio.to_thread(meanwhile),
    )
    async with run_recognizer(bundle, model, options, language_model) as recognizer:
        yield recognizer


def bundle_language_model(bundle: Bundle) -> LanguageModel | None:
    """The language model that the bundle has, if any, and with it how words are said.

    Raises InvalidBundle.
    """
    if LANGUAGE_MODEL not in bundle.files:
        return None
    has_lexicon, has_rules = LEXICON in bundle.files, RULES in bundle.files
    lexicon = read_lexicon(bundle.folder / LEXICON, bundle.phonemes) if has_lexicon else {}
    rules = read_rules(bundle.folder / RULES, bundle.phonemes) if has_rules else {}
    path, num_phonemes = bundle.folder / LANGUAGE_MODEL, len(bundle.phonemes)
    return load_language_model(path, bundle.vocabulary, lexicon, num_phonemes, rules)


@asynccontextmanager
async def run_recognizer(
    bundle: Bundle,
    model: AcousticModel,
    options: RuntimeOptions,
    language_model: LanguageModel | None = None,
) -> AsyncIterator[Recognizer]:
    """Run models that are loaded already; otherwise as `running_recognizer`."""
    runner = StepRunner(model, FrameReader(bundle.vocabulary, bundle.blank_id))
    scheduler = Scheduler(runner, _limits(options), _key_limit(bundle, options))
    decoding_pool = ThreadPoolExecutor(options.num_workers, thread_name_prefix="decoding")
    try:
        yield Recognizer(bundle, model, scheduler, decoding_pool, language_model)
    finally:
        try:
            await scheduler.stop()
        finally:
            decoding_pool.shutdown(wait=False)


def _limits(options: RuntimeOptions) -> SchedulerLimits:
    return SchedulerLimits(
        num_workers=options.num_workers,
        max_batch_size=options.max_batch_size,
        max_seats=options.max_streams,
        max_live_delay_s=options.max_delay_ms / 1000,
    )


def _key_limit(bundle: Bundle, options: RuntimeOptions) -> Callable[[int], int]:
    """How many steps of a length, which is their key, share a batch."""
    max_samples = int(options.max_batch_audio_s * bundle.framing.sample_rate)
    return lambda num_samples: max_samples // num_samples
