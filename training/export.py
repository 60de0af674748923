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

from service.engine.bundle import DESCRIPTION, load_bundle, sha256
from service.engine.errors import EngineError
from service.engine.framing import Framing
from training.activation_ranges import measure_ranges
from training.bundle_files import DecodingFiles, update_description, write_description
from training.checkpoint import (
    Checkpoint,
    InvalidCheckpoint,
    averaged_model,
    load_checkpoint,
    soup,
)
from training.config import RunConfig
from training.export_checks import ExportRefused, check_int8, check_parity
from training.half_storage import round_to_half, store_weights_as_half
from training.initial_weights import trained_model
from training.manifest import InvalidManifest, Utterance, read_manifest
from training.model import AcousticModel
from training.onnx_graph import write_float32, write_int8
from training.pronunciation import InvalidLexicon, phoneme_inventory, read_lexicon
from training.run_log import DIRTY, git_commit
from training.text import BLANK_ID

LIVE_CHUNK_S, BULK_CHUNK_S = 0.32, 2.56
UNKNOWN_LICENCE = "not given: see data.licences of the run's configuration"
LICENCE = "CC-BY-SA-4.0"  # the strictest of the corpora that the shipped model has learned from
MODEL_CARD = "README.md"
NO_FILES = DecodingFiles()


@dataclass(frozen=True, slots=True)
class BundleIdentity:
    """What a bundle is called."""

    name: str
    version: str = "1"
    language: str = "en"
    licence: str = LICENCE


def export(
    checkpoint: Checkpoint,
    output: Path,
    identity: BundleIdentity,
    utterances: Sequence[Utterance],
    files: DecodingFiles = NO_FILES,
) -> None:
    """Write the bundle to `output`, in place of one that is there, after it passed its checks.

    The model card of a bundle that is replaced stays.

    Args:
        checkpoint: its averaged weights are exported.
        output: the bundle's folder. Its weights are rounded to half precision.
        identity: its name and licence.
        utterances: its training data, and a `dev` split to score both precisions on; empty for a
            bundle without error rates.
        files: what else belongs to it.

    Raises:
        ExportRefused: PyTorch and ONNX Runtime differ, int8 recognises worse than float32, or
            what is at `output` is no bundle.
        InvalidBundle: the engine could not serve it, or `files` do not suit it.
        OSError.
    """
    _check_replaceable(output)
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
        load_bundle(draft)
        files.put_into(draft)
        dev = [utterance for utterance in utterances if utterance.split == "dev"]
        if dev:
            update_description(draft, {"error_rates": check_int8(draft, dev, output)})
        _replace_folder(draft, output)


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
        "chunk_frames": {name: _chunk_frames(s, framing) for name, s in chunks.items()},
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


def _chunk_frames(duration_s: float, framing: Framing) -> int:
    """The frames of as many whole steps as come closest to a chunk of that length."""
    step_s = framing.frame_s * framing.frames_per_step
    return framing.frames_per_step * max(1, round(duration_s / step_s))


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


def _check_replaceable(output: Path) -> None:
    """Raise ExportRefused where something else than a bundle would be lost."""
    if not output.exists() or (output / DESCRIPTION).exists():
        return
    if not output.is_dir() or {path.name for path in output.iterdir()} - {MODEL_CARD}:
        raise ExportRefused(f"{output} is there and no bundle; name another folder with --output")


def _replace_folder(draft: Path, output: Path) -> None:
    card = output / MODEL_CARD
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
        licence = arguments.licence or LICENCE
        identity = BundleIdentity(arguments.output.name, arguments.version, licence=licence)
        files = DecodingFiles(arguments.lm, arguments.lexicon, arguments.rules)
        export(checkpoint, arguments.output, identity, utterances, files)
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
