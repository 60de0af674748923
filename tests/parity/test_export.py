"""From training to text: a tiny model learns one utterance by heart, is exported and served."""

import asyncio
import io
from pathlib import Path

import httpx
import numpy as np
import pytest
import soundfile
import torch
from numpy.typing import NDArray

from service.app import create_app
from service.engine.bundle import load_bundle
from service.engine.events import Final
from service.engine.onnx_acoustic import load_acoustic_model
from service.engine.options import Priority, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import running_recognizer
from service.settings import Settings
from tests.training.tiny_run import (
    CORPUS,
    SAMPLE_RATE,
    TEXT,
    spoken,
    tiny_config,
    write_corpus,
)
from training.checkpoint import Checkpoint, Progress, averaged_model, load_checkpoint
from training.export import BundleIdentity, export
from training.export_checks import ExportRefused, check_int8, check_parity
from training.manifest import read_manifest
from training.model import AcousticModel
from training.model_config import CELLS, ModelConfig
from training.onnx_graph import OnnxSteps, write_float32
from training.text import VOCABULARY
from training.train import LAST, train


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a corpus and of the run that has learned it by heart."""
    folder = tmp_path_factory.mktemp("learned")
    write_corpus(folder)
    train(tiny_config(folder, epochs=3, repeats=50), folder / "run")
    return folder


@pytest.fixture(scope="module")
def bundle(learned: Path) -> Path:
    utterances = read_manifest(learned / "manifest.jsonl")
    output = learned / "models" / "tiny"
    export(load_checkpoint(learned / "run" / LAST), output, BundleIdentity("tiny"), utterances)
    return output


MAX_DIFFERENCE = 1e-5  # of log-probabilities; none at all where it was measured


def test_served_over_http(bundle: Path) -> None:
    """The whole way: the words that were learned come back, with their times."""

    async def post() -> httpx.Response:
        settings = Settings(model=bundle)
        options = settings.runtime_options()
        async with running_recognizer(bundle, options) as recognizer:
            transport = httpx.ASGITransport(create_app(settings, recognizer))
            async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
                return await client.post("/transcribe", content=wav(spoken()))

    response = asyncio.run(post())
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["text"] == TEXT
    assert [word["word"] for word in answer["words"]] == TEXT.split()
    times = [time for word in answer["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert 0.0 <= times[0] < times[-1] <= len(spoken()) / SAMPLE_RATE


def test_stream_says_the_same(bundle: Path) -> None:
    """A live stream in uneven pieces ends with the text that the file has."""

    async def listen() -> str:
        async with running_recognizer(bundle, RuntimeOptions()) as recognizer:
            with recognizer.stream(RecognitionOptions(), Priority.LIVE) as stream:
                events = []
                for piece in np.array_split(spoken(), 23):
                    events += await stream.accept(piece)
                events += await stream.finish()
        return " ".join(event.segment.text for event in events if isinstance(event, Final))

    assert asyncio.run(listen()) == TEXT


def test_bundle_explains_itself(bundle: Path) -> None:
    described = load_bundle(bundle)
    assert set(described.files) == {"model.onnx", "model.int8.onnx"}
    assert {rate["precision"] for rate in described.error_rates} == {"float32", "int8"}
    assert [rate["wer"] for rate in described.error_rates] == [0.0, 0.0]
    assert all(f"--bundle {bundle} " in rate["command"] for rate in described.error_rates)
    assert described.training_data[0]["name"] == CORPUS
    assert described.architecture["model"]["cell"] == "lstm"


def test_model_card_survives_a_new_export(learned: Path) -> None:
    output = learned / "models" / "carded"
    output.mkdir(parents=True)
    (output / "README.md").write_text("# A model card\n")
    export(load_checkpoint(learned / "run" / LAST), output, BundleIdentity("carded"), [])
    assert (output / "README.md").read_text() == "# A model card\n"
    assert load_bundle(output).error_rates == ()


@pytest.mark.parametrize("cell", CELLS)
def test_every_cell_is_exported_and_served_alike(cell: str, tmp_path: Path) -> None:
    config = tiny_config(tmp_path, epochs=1, cell=cell)
    torch.manual_seed(0)
    weights = AcousticModel(config.model).state_dict()
    checkpoint = Checkpoint(config, VOCABULARY, Progress(), weights, weights, {}, 1.0)
    export(checkpoint, tmp_path / cell, BundleIdentity(cell), [])
    bundle = load_bundle(tmp_path / cell)
    model = load_acoustic_model(bundle, RuntimeOptions(precision="float32"))
    step = bundle.framing.samples_per_step
    log_probs, states = model.step(np.zeros((2, 4 * step), np.float32), [model.initial_state()] * 2)
    assert log_probs.shape == (2, 8, len(VOCABULARY))
    assert len(states) == 2


def test_differing_graph_is_refused(tmp_path: Path) -> None:
    torch.manual_seed(0)
    config = ModelConfig(hidden_size=16, num_layers=1, conv_channels=2)
    write_float32(AcousticModel(config), tmp_path / "model.onnx")
    with pytest.raises(ExportRefused, match="differ by"):
        check_parity(AcousticModel(config).eval(), tmp_path / "model.onnx")


def test_worse_int8_is_refused(
    bundle: Path, learned: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.export_checks.MAX_INT8_WER_DIFFERENCE", -0.01)
    dev = [u for u in read_manifest(learned / "manifest.jsonl") if u.split == "dev"]
    with pytest.raises(ExportRefused, match="int8"):
        check_int8(bundle, dev, bundle)


def test_int8_is_close_to_float32(learned: Path, bundle: Path) -> None:
    """Log-probabilities of speech-like audio, where a symbol is likely."""
    model = averaged_model(load_checkpoint(learned / "run" / LAST))
    length = model.config.framing.flushed_samples(len(spoken()))
    waveform = np.zeros((1, length), np.float32)
    waveform[0, : len(spoken())] = spoken()
    step = model.config.framing.samples_per_step
    exact = np.exp(OnnxSteps(bundle / "model.onnx", model).log_probs(waveform, step))
    rounded = np.exp(OnnxSteps(bundle / "model.int8.onnx", model).log_probs(waveform, step))
    assert np.abs(exact - rounded).mean() < 0.01


def wav(waveform: NDArray[np.float32]) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, waveform, SAMPLE_RATE, format="WAV")
    return file.getvalue()


@pytest.mark.parametrize("graph", ["model.onnx", "model.int8.onnx"])
def test_a_stream_gets_the_same_whoever_else_is_served(
    learned: Path, bundle: Path, graph: str
) -> None:
    """Loud and quiet neighbours, other chunk lengths: not a bit of a stream's numbers changes."""
    model = averaged_model(load_checkpoint(learned / "run" / LAST))
    steps, step = OnnxSteps(bundle / graph, model), model.config.framing.samples_per_step
    levels = np.array([0.001, 0.05, 1.0], np.float32)[:, None]
    noise = np.random.default_rng(5).normal(0.0, 1.0, (3, 16 * step)).astype(np.float32)
    waveforms = (levels * noise).clip(-1.0, 1.0)
    together = steps.log_probs(waveforms, 4 * step)
    for row in range(len(waveforms)):
        alone = steps.log_probs(waveforms[row : row + 1], 4 * step)
        assert np.abs(alone[0] - together[row]).max() <= MAX_DIFFERENCE
    for chunk in (2 * step, 16 * step):
        assert np.abs(steps.log_probs(waveforms, chunk) - together).max() <= MAX_DIFFERENCE
