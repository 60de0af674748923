"""The model in `models/en`, on speech by people where there is some to be had.

The recordings are not in this repository. `SPEECH_CORPORA` names a folder of corpora that
`longwave corpora --plain` reads; without it, and without the default folder, these tests skip.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from service.engine.audio import AudioLimits, decode_audio
from service.engine.bundle import LANGUAGE_MODEL, load_bundle
from service.engine.events import Final
from service.engine.options import (
    DECODERS,
    Precision,
    Priority,
    RecognitionOptions,
    RuntimeOptions,
)
from service.engine.recognizer import Recognizer, running_recognizer, transcribe
from training.manifest import Utterance, read_manifest
from training.score import character_errors, total

REPOSITORY = Path(__file__).parents[1]
BUNDLE = REPOSITORY / "models" / "en"
CORPORA = Path(os.environ.get("SPEECH_CORPORA", REPOSITORY.parent / "shared" / "speech"))
MANIFEST = CORPORA / "librispeech" / "manifest.jsonl"
NUM_UTTERANCES = 12
MAX_CER = 0.45  # a broken model or a wrong feature puts it near 1; accuracy is evaluate's business

Decoding = tuple[Precision, str]

DECODINGS: list[Decoding] = [
    (precision, decoder) for precision in ("int8", "float32") for decoder in DECODERS
]

needs_speech = pytest.mark.skipif(
    not MANIFEST.exists(), reason=f"NO SPEECH BY PEOPLE: {MANIFEST} is not there"
)


def dev_utterances() -> Sequence[Utterance]:
    dev = [utterance for utterance in read_manifest(MANIFEST) if utterance.split == "dev"]
    return dev[:NUM_UTTERANCES]


async def file_text(recognizer: Recognizer, path: Path, options: RecognitionOptions) -> str:
    sample_rate = recognizer.bundle.framing.sample_rate
    waveforms = decode_audio(path, sample_rate, AudioLimits())
    return (await transcribe(recognizer, waveforms, options)).text


async def stream_text(recognizer: Recognizer, path: Path, options: RecognitionOptions) -> str:
    """The finals of a live stream whose audio comes in pieces of uneven length."""
    blocks = decode_audio(path, recognizer.bundle.framing.sample_rate, AudioLimits())
    waveform = np.concatenate(list(blocks))
    with recognizer.stream(options, Priority.LIVE) as stream:
        events = []
        for piece in np.array_split(waveform, 1 + len(waveform) // 3001):
            events += await stream.accept(piece)
        events += await stream.finish()
    return " ".join(event.segment.text for event in events if isinstance(event, Final))


def test_the_bundle_is_whole() -> None:
    bundle = load_bundle(BUNDLE)
    assert {"model.onnx", "model.int8.onnx", LANGUAGE_MODEL} <= bundle.files.keys()
    assert bundle.decoding.decoder == "beam"
    assert bundle.decoding.tuned_on is not None
    assert bundle.decoding.calibration.keys() == {*DECODERS}
    assert all(corpus["licence"] for corpus in bundle.training_data)
    assert (BUNDLE / "README.md").read_text(encoding="utf-8").startswith("# ")
    assert {rate["precision"] for rate in bundle.error_rates} == {"int8", "float32"}


@needs_speech
@pytest.mark.parametrize("decoding", DECODINGS, ids="-".join)
async def test_it_recognises_speech_alike_from_files_and_streams(decoding: Decoding) -> None:
    precision, decoder = decoding
    options = RecognitionOptions(decoder=decoder)
    counts = []
    async with running_recognizer(BUNDLE, RuntimeOptions("cpu", precision)) as recognizer:
        for utterance in dev_utterances():
            text = await file_text(recognizer, utterance.audio, options)
            counts.append(character_errors(utterance.text, text))
            assert await stream_text(recognizer, utterance.audio, options) == text
    assert total(counts).rate < MAX_CER
