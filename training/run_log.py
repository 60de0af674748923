"""What a run leaves for people: its configuration and origin, TensorBoard curves and a picture."""

import csv
import importlib.metadata
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import torch
from matplotlib import pyplot
from torch.utils.tensorboard import SummaryWriter

from training.checkpoint import Progress
from training.config import RunConfig
from training.json_files import write_json
from training.loop import StepResult, Validation
from training.manifest import Utterance

DIRTY = "-dirty"  # after a commit to which there were changes
UNKNOWN = "unknown"
COLUMNS = ("epoch", "step", "audio_hours", "elapsed_s", "loss", "dev_loss", "dev_wer", "dev_cer")


def git_commit() -> str:
    """The commit of the working folder, marked where it has changes; `unknown` outside git."""
    command = ["git", "describe", "--always", f"--dirty={DIRTY}", "--abbrev=40", "--exclude", "*"]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError:  # git is not installed
        return UNKNOWN
    return result.stdout.strip() or UNKNOWN


def describe_data(utterances: list[Utterance]) -> dict[str, dict[str, float]]:
    """Utterances and hours a corpus and split, as `corpus/split`."""
    table: dict[str, dict[str, float]] = {}
    for utterance in utterances:
        row = table.setdefault(
            f"{utterance.corpus}/{utterance.split}", {"utterances": 0, "hours": 0.0}
        )
        row["utterances"] += 1
        row["hours"] += utterance.duration_s / 3600
    return {key: {**row, "hours": round(row["hours"], 3)} for key, row in sorted(table.items())}


class RunLog:
    """Writes a run's folder: run.json, curves.csv, curves.png and TensorBoard's event files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._curves = folder / "curves.csv"
        self._writer = SummaryWriter(str(folder / "tensorboard"))

    def describe(self, config: RunConfig, utterances: list[Utterance], device: str) -> None:
        """Say what this run is: it should be possible to repeat it from run.json alone."""
        description = {
            "config": asdict(config),
            "commit": git_commit(),
            "data": describe_data(utterances),
            "device": device,
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torchaudio": importlib.metadata.version("torchaudio"),
        }
        write_json(self._folder / "run.json", description)

    def step(self, step: int, result: StepResult) -> None:
        """Record one training step."""
        for name, value in asdict(result).items():
            self._writer.add_scalar(f"train/{name}", value, step)

    def epoch(self, progress: Progress, loss: float, validation: Validation) -> None:
        """Record an epoch's end and redraw the picture."""
        row = {
            "epoch": progress.epoch,
            "step": progress.step,
            "audio_hours": round(progress.audio_s / 3600, 2),
            "elapsed_s": round(progress.elapsed_s, 1),
            "loss": round(loss, 4),
            "dev_loss": round(validation.loss, 4),
            "dev_wer": round(validation.words.rate, 4),
            "dev_cer": round(validation.characters.rate, 4),
        }
        # A run that was killed before its checkpoint comes to the end of an epoch twice.
        earlier = [each for each in self._rows() if int(each["epoch"]) < progress.epoch]
        self._write([*earlier, row])
        for name in COLUMNS[4:]:
            self._writer.add_scalar(f"epoch/{name}", row[name], progress.step)
        self._writer.flush()
        self._draw([*earlier, row])

    def _rows(self) -> list[dict[str, Any]]:
        """The figures of the epochs so far, by column."""
        if not self._curves.exists():
            return []
        with self._curves.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _write(self, rows: Sequence[dict[str, Any]]) -> None:
        partial = self._curves.with_suffix(".csv.partial")
        with partial.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, COLUMNS)
            writer.writeheader()
            writer.writerows(rows)
        partial.replace(self._curves)

    def _draw(self, rows: Sequence[dict[str, Any]]) -> None:
        figure, (losses, rates) = pyplot.subplots(1, 2, figsize=(10, 4), layout="constrained")
        for axes, names in ((losses, ("loss", "dev_loss")), (rates, ("dev_wer", "dev_cer"))):
            for name in names:
                points = [(float(row["audio_hours"]), float(row[name])) for row in rows]
                axes.plot(*zip(*points, strict=True), label=name)
            axes.set_xlabel("hours of audio trained on")
            axes.grid(alpha=0.3)
            axes.legend()
        losses.set_ylabel("CTC loss a symbol")
        rates.set_ylabel("error rate")
        partial = self._folder / "curves.partial.png"
        figure.savefig(partial, dpi=120)
        pyplot.close(figure)
        partial.replace(self._folder / "curves.png")

    def close(self) -> None:
        """Write out what TensorBoard holds back."""
        self._writer.close()
