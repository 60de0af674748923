"""What a bundle's acoustic model hears in utterances: computed once, decoded many times."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from service.engine.acoustic import AcousticModel
from service.engine.bundle import Bundle
from service.engine.chunking import Chunker
from service.engine.frames import FrameReader, Frames
from service.engine.options import Priority
from service.engine.segmenter import Segmenter
from service.engine.transcript import TimedWord
from training.conditions import CLEAN, Conditioner
from training.manifest import Utterance


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """An utterance and the acoustic model's opinion of it."""

    utterance: Utterance
    frames: Frames


def hear(
    bundle: Bundle,
    model: AcousticModel,
    utterances: Sequence[Utterance],
    conditioner: Conditioner | None = None,
) -> list[Heard]:
    """Run the model over the utterances, under a condition, in the chunks of a whole file.

    Raises InvalidAudio where a recording cannot be read.
    """
    conditioner = conditioner or Conditioner(CLEAN, bundle.framing.sample_rate)
    reader = FrameReader(bundle.vocabulary, bundle.blank_id)
    heard = []
    for utterance in utterances:
        log_probs = np.concatenate(list(_log_probs(bundle, model, utterance, conditioner)))
        heard.append(Heard(utterance, *reader.read(log_probs[None])))
    return heard


def _log_probs(
    bundle: Bundle, model: AcousticModel, utterance: Utterance, conditioner: Conditioner
) -> Iterator[NDArray[np.float32]]:
    chunker = Chunker(bundle.framing, bundle.chunk_frames, Priority.LIVE, lambda: False)
    chunker.push(conditioner.recording(utterance.audio))
    chunker.finish()
    states = [model.initial_state()]
    yield np.zeros((0, bundle.num_outputs), np.float32)
    while (chunk := chunker.next_chunk()) is not None:
        log_probs, states = model.step(chunk.waveform[None], states)
        yield log_probs[0, chunk.real_frames]


def read_words(segmenter: Segmenter[Any], heard: Heard) -> list[TimedWord]:
    """The words that decoding finds, as the engine does it with whole files."""
    state, segments = segmenter.advance(segmenter.start(), heard.frames)
    _, last = segmenter.finish(state)
    return [word for segment in [*segments, *last] for word in segment.words]
