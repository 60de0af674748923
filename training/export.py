"""`longwave export`: a checkpoint becomes a bundle, if it proves to be the same model."""

import argparse
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

from service.engine.bundle import sha256
from service.engine.errors import EngineError
from service.engine.options import Precision, RecognitionOptions, RuntimeOptions
from training.activation_ranges import measure_ranges
from training.bundle_files import put_language_model, put_lexicon, put_rules, write_description
from training.checkpoint import (
    Checkpoint,
    InvalidCheckpoint,
    averaged_model,
    load_checkpoint,
    soup,
)
from training.config import RunConfig
from training.evaluate import EvaluationOptions, evaluate
from training.evaluation import Evaluation
from training.half_storage import round_to_half, store_weights_as_half
from training.initial_weights import trained_model
from training.manifest import InvalidManifest, Utterance, read_manifest
from training.model import AcousticModel
from training.onnx_graph import OnnxSteps, write_float32, write_int8
from training.pronunciation import InvalidLexicon, phoneme_inventory, read_lexicon
from training.run_log import DIRTY, git_commit
from training.text import BLANK_ID

MAX_PARITY_DIFFERENCE = 1e-4  # of log-probabilities
MAX_INT8_WER_DIFFERENCE = 0.005
LIVE_CHUNK_S, BULK_CHUNK_S = 0.32, 2.56
UNKNOWN_LICENCE = "not given: see data.licences of the run's configuration"
LICENCE = "CC-BY-SA-4.0"  # the strictest of the corpora that the model has learned from


class ExportRefused(Exception):
    """The exported graphs are not the model that was trained; the message says by how much."""


@dataclass(frozen=True, slots=True)
class BundleIdentity:
    """What a bundle is called."""

    name: str
    version: str = "1"
    language: str = "en"
    licence: str = LICENCE


def export(
    checkpoint: Checkpoint, output: Path, identity: BundleIdentity, utterances: Sequence[Utterance]
) -> None:
    """Write the bundle to `output`, replacing what is there, after it passed its checks.

    The model card, README.md, of a bundle that is replaced stays.

    Args:
        checkpoint: its averaged weights are exported.
        output: the bundle's folder. Its weights are rounded to half precision.
        identity: its name and licence.
        utterances: its training data, and a `dev` split to score both precisions on; empty for a
            bundle without error rates.

    Raises:
        ExportRefused: PyTorch and ONNX Runtime differ, or int8 recognises worse than float32.
    """
    model = averaged_model(checkpoint)
    round_to_half(model)
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=output.parent) as folder:
        draft = Path(folder) / output.name
        draft.mkdir()
        write_float32(model, draft / "model.onnx")
        write_int8(model, measure_ranges(model, utterances), draft / "model.int8.onnx")
        store_weights_as_half(draft / "model.onnx")
        check_parity(model, draft / "model.onnx")
        description = describe(checkpoint, model, draft, identity)
        description["training_data"] = training_data(checkpoint, utterances)
        write_description(draft, description)
        dev = [utterance for utterance in utterances if utterance.split == "dev"]
        if dev:
            description["error_rates"] = check_int8(draft, dev, output)
            write_description(draft, description)
        _replace_folder(draft, output)


def check_parity(model: AcousticModel, graph: Path) -> None:
    """Compare PyTorch with ONNX Runtime over batch sizes and lengths, whole and in chunks.

    Raises ExportRefused where a log-probability differs by more than MAX_PARITY_DIFFERENCE.
    """
    steps, step = OnnxSteps(graph, model), model.config.framing.samples_per_step
    rng = np.random.default_rng(0)
    for batch_size, num_steps in ((1, 4), (3, 12), (8, 60)):
        waveforms = rng.normal(0.0, 0.1, (batch_size, num_steps * step)).astype(np.float32)
        with torch.no_grad():
            outputs = model(torch.from_numpy(waveforms), *model.initial_state(batch_size))
        expected = outputs[0].numpy()
        for chunk in (waveforms.shape[1], 4 * step, step):
            found = steps.log_probs(waveforms, chunk)
            difference = float(np.abs(found - expected).max())
            if not difference <= MAX_PARITY_DIFFERENCE:
                raise ExportRefused(
                    f"PyTorch and ONNX Runtime differ by {difference:.2g} in log-probabilities"
                    f" for {batch_size} streams of {num_steps} steps in chunks of {chunk} samples;"
                    f" at most {MAX_PARITY_DIFFERENCE} is allowed"
                )


def check_int8(bundle: Path, dev: Sequence[Utterance], output: Path) -> list[dict[str, Any]]:
    """Error rates of both precisions on `dev`, and how to measure them when it lies in `output`.

    Raises ExportRefused where int8 has a WER more than MAX_INT8_WER_DIFFERENCE above float32's.
    """
    precisions: tuple[Precision, ...] = ("float32", "int8")
    rates = {precision: _greedy(bundle, dev, precision) for precision in precisions}
    worse = rates["int8"].overall.words.rate - rates["float32"].overall.words.rate
    if worse > MAX_INT8_WER_DIFFERENCE:
        raise ExportRefused(
            f"the int8 model's WER on dev is {worse:.2%} above float32's;"
            f" at most {MAX_INT8_WER_DIFFERENCE:.1%} is allowed"
        )
    return [
        {
            "set": f"{group.corpus}/{group.split}",
            "precision": precision,
            "decoder": "greedy",
            "wer": round(group.words.rate, 4),
            "cer": round(group.characters.rate, 4),
            "command": f"longwave evaluate --bundle {output} --manifest .data/manifest.jsonl"
            f" --split {group.split} --decoder greedy --precision {precision}",
        }
        for precision, evaluation in rates.items()
        for group in evaluation.groups
    ]


def _greedy(bundle: Path, dev: Sequence[Utterance], precision: Precision) -> Evaluation:
    options = EvaluationOptions(
        runtime=RuntimeOptions(provider="cpu", precision=precision),
        recognition=RecognitionOptions(decoder="greedy"),
    )
    return evaluate(bundle, dev, options)


def describe(
    checkpoint: Checkpoint, model: AcousticModel, folder: Path, identity: BundleIdentity
) -> dict[str, Any]:
    """The contents of bundle.json for the graphs in `folder`."""
    framing, config = model.config.framing, checkpoint.config
    chunks = {"live": LIVE_CHUNK_S, "bulk": BULK_CHUNK_S}
    return {
        "format": 1,
        **asdict(identity),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": git_commit(),
        **asdict(framing),
        "chunk_frames": {name: round(length / framing.frame_s) for name, length in chunks.items()},
        "vocabulary": list(checkpoint.vocabulary),
        "blank_id": BLANK_ID,
        "phonemes": _phonemes(checkpoint.config),
        "state": [
            {"name": name, "shape": list(shape), "dtype": "float32"}
            for name, shape in model.state_shapes().items()
        ],
        "files": {path.name: sha256(path) for path in sorted(folder.glob("*.onnx"))},
        "decoding": {"decoder": "greedy", "beam_width": 16, "tuned_on": None},
        "training_data": [],
        "error_rates": [],
        "architecture": {**asdict(config), "progress": asdict(checkpoint.progress)},
    }


def _phonemes(config: RunConfig) -> list[str]:
    """What the model puts out after the letters: the blank, and those of its training's lexicon."""
    if not config.model.phoneme_output:
        return []
    return ["<blank>", *phoneme_inventory(read_lexicon(Path(config.phonemes.lexicon)))]


def training_data(checkpoint: Checkpoint, utterances: Sequence[Utterance]) -> list[dict[str, Any]]:
    """Hours that the model has learned from, and their licence, a corpus."""
    data = checkpoint.config.data
    hours: defaultdict[str, float] = defaultdict(float)
    for utterance in utterances:
        if utterance.split == data.train_split and utterance.duration_s <= data.max_duration_s:
            hours[utterance.corpus] += utterance.duration_s / 3600
    return [
        {
            "name": name,
            "hours": round(hours[name], 2),
            "licence": data.licences.get(name, UNKNOWN_LICENCE),
        }
        for name in sorted(hours)
    ]


def _replace_folder(draft: Path, output: Path) -> None:
    card = output / "README.md"
    if card.exists():
        shutil.copy(card, draft)
    if output.exists():
        output.rename(draft.parent / "replaced")
    draft.rename(output)


def run(arguments: argparse.Namespace) -> int:
    """Export as the command line says. Returns the exit code: 1 refused, 2 for wrong input."""
    _warn_of_changes(git_commit())
    try:
        utterances = read_manifest(arguments.manifest) if arguments.manifest else []
        first, *others = arguments.checkpoints
        checkpoint = soup(load_checkpoint(first), [trained_model(other) for other in others])
        identity = BundleIdentity(arguments.output.name, arguments.version)
        export(checkpoint, arguments.output, identity, utterances)
        if arguments.lm:
            put_language_model(arguments.output, arguments.lm)
        if arguments.lexicon:
            put_lexicon(arguments.output, arguments.lexicon)
        if arguments.rules:
            put_rules(arguments.output, arguments.rules)
    except (ExportRefused, EngineError) as error:
        print(f"longwave export: {error}", file=sys.stderr)
        return 1
    except (InvalidCheckpoint, InvalidLexicon, InvalidManifest, OSError) as error:
        print(f"longwave export: {error}", file=sys.stderr)
        return 2
    return 0


def _warn_of_changes(commit: str) -> None:
    if commit.endswith(DIRTY):
        message = f"warning: the bundle will name {commit}, which nobody else can check out"
        print(f"longwave export: {message}; commit the changes first", file=sys.stderr)
