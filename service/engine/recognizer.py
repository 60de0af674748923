"""The composition: a bundle, its acoustic model and the scheduler behind one facade."""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

from service.engine.acoustic import AcousticModel
from service.engine.beam import BeamDecoder
from service.engine.bundle import Bundle, load_bundle
from service.engine.chunking import Chunker
from service.engine.decoding import CtcDecoder
from service.engine.endpointing import Endpointer
from service.engine.greedy import GreedyDecoder
from service.engine.onnx_acoustic import load_acoustic_model
from service.engine.options import Priority, RecognitionOptions, RuntimeOptions
from service.engine.scheduler import Scheduler, SchedulerLimits
from service.engine.segmenter import Segmenter
from service.engine.steps import Step, Stepped, StepRunner
from service.engine.stream import RunDecoding, Stream, StreamParts
from service.engine.transcription import transcribe
from service.engine.vocabulary import Vocabulary

__all__ = ["Recognizer", "run_recognizer", "running_recognizer", "transcribe"]

T = TypeVar("T")


class Recognizer:
    """Recognises speech for any number of streams. Shared and immutable.

    Args:
        bundle: describes the model.
        model: the acoustic model.
        scheduler: runs the model's steps; running.
        decoding_pool: threads for decoders that take their time.
    """

    def __init__(
        self,
        bundle: Bundle,
        model: AcousticModel,
        scheduler: Scheduler[Step, Stepped],
        decoding_pool: Executor,
    ) -> None:
        self._bundle = bundle
        self._model = model
        self._scheduler = scheduler
        self._decoding_pool = decoding_pool

    @property
    def bundle(self) -> Bundle:
        return self._bundle

    @property
    def provider(self) -> str:
        """The execution provider that really runs, in ONNX Runtime's spelling."""
        return self._model.provider

    @property
    def precision(self) -> str:
        """The precision that really runs: float32 or int8."""
        return self._model.precision

    def stream(self, options: RecognitionOptions, priority: Priority) -> Stream:
        """Open a stream; whoever opens it closes it.

        Raises:
            Overloaded: too many streams are open.
            StreamClosed: the engine is shutting down.
        """
        parts = StreamParts(
            sample_rate=self._bundle.framing.sample_rate,
            initial_state=self._model.initial_state(),
            chunker=Chunker(self._bundle.framing, self._bundle.chunk_frames, priority),
            segmenter=_segmenter(self._bundle, options),
            run_decoding=self._run_decoding(options),
            wants_partials=priority is Priority.LIVE,
        )
        return Stream(parts, self._scheduler.admit(priority))

    def _run_decoding(self, options: RecognitionOptions) -> RunDecoding:
        return _at_once if options.decoder == "greedy" else _in(self._decoding_pool)


def _segmenter(bundle: Bundle, options: RecognitionOptions) -> Segmenter[Any]:
    vocabulary = Vocabulary(bundle.vocabulary, bundle.blank_id)
    silent_ids = (vocabulary.blank_id, vocabulary.space_id)
    endpointer = Endpointer(options.endpointing, bundle.framing, silent_ids)
    decoder = _decoder(bundle, options)
    return Segmenter(decoder, endpointer, bundle.framing, options.nbest)


def _decoder(bundle: Bundle, options: RecognitionOptions) -> CtcDecoder[Any]:
    if options.decoder == "greedy":
        return GreedyDecoder(bundle.vocabulary, bundle.blank_id)
    return BeamDecoder(bundle.vocabulary, bundle.blank_id, options.beam_width, options.nbest)


async def _at_once(function: Callable[[], T]) -> T:
    return function()


def _in(pool: Executor) -> RunDecoding:
    async def run(function: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(pool, function)

    return run


@asynccontextmanager
async def running_recognizer(folder: Path, options: RuntimeOptions) -> AsyncIterator[Recognizer]:
    """Load the bundle in `folder` and run it; on leaving, queued steps finish, then all stops.

    Raises:
        InvalidBundle: the bundle is missing, damaged or contradicts itself.
        ProviderUnavailable: a GPU is required and not there.
    """
    bundle = await asyncio.to_thread(load_bundle, folder)
    model = await asyncio.to_thread(load_acoustic_model, bundle, options)
    async with run_recognizer(bundle, model, options) as recognizer:
        yield recognizer


@asynccontextmanager
async def run_recognizer(
    bundle: Bundle, model: AcousticModel, options: RuntimeOptions
) -> AsyncIterator[Recognizer]:
    """Run a model that is loaded already; otherwise as `running_recognizer`."""
    limits = SchedulerLimits(options.num_workers, options.max_batch_size, options.max_streams)
    scheduler = Scheduler(StepRunner(model), limits)
    decoding_pool = ThreadPoolExecutor(options.num_workers, thread_name_prefix="decoding")
    try:
        yield Recognizer(bundle, model, scheduler, decoding_pool)
    finally:
        try:
            await scheduler.stop()
        finally:
            decoding_pool.shutdown(wait=False)
