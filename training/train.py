"""`longwave train`: from a configuration to a run folder with checkpoints, curves and a model."""

import argparse
import sys
import time
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from service.engine.errors import EngineError
from training.audio_dataset import BatchSource, WaveformStore, decode_utterance, open_store
from training.augment import Waveform, WaveformAugmenter
from training.checkpoint import (
    Checkpoint,
    InvalidCheckpoint,
    Progress,
    averaged_model,
    load_checkpoint,
    save_checkpoint,
)
from training.config import InvalidConfig, RunConfig, read_config
from training.loop import Learner, Validation, validate
from training.manifest import InvalidManifest, Utterance, read_manifest
from training.model import AcousticModel
from training.run_log import RunLog
from training.text import VOCABULARY

LAST = "last.pt"
BEST = "best.pt"
NUM_STATISTICS_UTTERANCES = 500


@dataclass(frozen=True, slots=True)
class Corpus:
    """One split of the manifest with its audio."""

    utterances: list[Utterance]
    store: WaveformStore
    source: BatchSource


def load_corpus(config: RunConfig, split: str) -> Corpus:
    """The utterances of `split` that are short enough, with their audio decoded."""
    data, framing = config.data, config.model.framing
    utterances = [
        utterance
        for utterance in read_manifest(Path(data.manifest))
        if utterance.split == split and utterance.duration_s <= data.max_duration_s
    ]
    if not utterances:
        raise InvalidConfig(f"{data.manifest} has no utterance of split {split!r}")
    store = open_store(utterances, framing.sample_rate, Path(data.cache))
    max_batch_samples = round(data.batch_duration_s * framing.sample_rate)
    return Corpus(utterances, store, BatchSource(utterances, store, framing, max_batch_samples))


def load_noises(config: RunConfig) -> list[Waveform]:
    """All recordings below the configured folder of noise, if there is one."""
    if not config.augment.noise_folder:
        return []
    folder = Path(config.augment.noise_folder)
    suffixes = {".wav", ".flac", ".ogg", ".opus"}
    paths = sorted(path for path in folder.rglob("*") if path.suffix in suffixes)
    if not paths:
        raise InvalidConfig(f"augment.noise_folder {folder} holds no recordings")
    return [decode_utterance(path, config.model.framing.sample_rate) for path in paths]


@torch.no_grad()
def set_normalisation(model: AcousticModel, store: WaveformStore, seed: int) -> None:
    """Measure mean and deviation of the log-mel bins on some of the training audio."""
    rng = np.random.default_rng(seed)
    chosen = rng.permutation(len(store))[:NUM_STATISTICS_UTTERANCES]
    shift, tail = model.config.frontend.frame_shift, model.initial_state(1)[0]
    frames = []
    for index in chosen:
        waveform = torch.from_numpy(store[index])
        whole = waveform[: len(waveform) // shift * shift]
        frames.append(model.log_mel(whole.unsqueeze(0), tail)[0].squeeze(0))
    features = torch.cat(frames)  # [T, num_mel_bins]
    model.mean.copy_(features.mean(dim=0))
    model.inverse_std.copy_(1.0 / features.std(dim=0).clamp(min=1e-3))


class Run:
    """A run folder and everything that is going on in it."""

    def __init__(self, config: RunConfig, folder: Path, checkpoint: Checkpoint | None) -> None:
        self.config = config
        self.folder = folder
        self.training = load_corpus(config, config.data.train_split)
        self.validation = load_corpus(config, config.data.validation_split)
        self.augmenter = WaveformAugmenter(
            config.augment, config.model.framing.sample_rate, load_noises(config)
        )
        self.learner = self._make_learner(checkpoint)
        self.progress = checkpoint.progress if checkpoint else Progress()
        self.best_wer = checkpoint.best_wer if checkpoint else float("inf")
        self.num_steps = sum(len(self._plan(epoch)) for epoch in range(config.epochs))
        self.log = RunLog(folder)

    def _make_learner(self, checkpoint: Checkpoint | None) -> Learner:
        torch.manual_seed(self.config.seed)
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        model = AcousticModel(self.config.model)
        set_normalisation(model, self.training.store, self.config.seed)
        if self.config.initial_weights and not checkpoint:
            start = load_checkpoint(Path(self.config.initial_weights))
            model.load_state_dict(averaged_model(start).state_dict())
        learner = Learner(model, self.config, device)
        if checkpoint:
            learner.model.load_state_dict(checkpoint.model)
            learner.averaged.load_state_dict(checkpoint.average)
            learner.optimiser.load_state_dict(checkpoint.optimiser)
            learner.average.n_averaged.fill_(checkpoint.progress.step)
        return learner

    def _plan(self, epoch: int) -> list[list[int]]:
        return self.training.source.plan(self.config.seed, epoch, self.config.data.repeats)

    def train(self) -> None:
        """Go on to the last epoch; every epoch ends with a validation and a checkpoint."""
        utterances = self.training.utterances + self.validation.utterances
        self.log.describe(self.config, utterances, str(self.learner.device))
        with self._progress_bar() as bar:
            while self.progress.epoch < self.config.epochs:
                loss = self._train_epoch(bar)
                self.progress = replace(self.progress, epoch=self.progress.epoch + 1, batch=0)
                validation = self._validate()
                self.log.epoch(self.progress, loss, validation)
                self._save_best(validation.words.rate)
                bar.console.print(self._summary(loss, validation))
        self.log.close()

    def _train_epoch(self, bar: ProgressBar) -> float:
        """The rest of the current epoch; returns its mean loss."""
        epoch, plan = self.progress.epoch, self._plan(self.progress.epoch)
        first, seeds = self.progress.batch, (self.config.seed, epoch)
        losses: list[float] = []
        last_save = last_step = time.monotonic()
        for batch in self.training.source.varied(plan, first, self.augmenter, seeds):
            result = self.learner.step(batch, self.progress.step, self.num_steps)
            now = time.monotonic()
            self._advance(batch.duration_samples, now - last_step)
            last_step = now
            losses.append(result.loss)
            self.log.step(self.progress.step, result)
            self._show(bar, result.loss)
            if now - last_save > 60 * self.config.checkpoint_minutes:
                self._save(LAST)
                last_save = now
        return float(np.mean(losses)) if losses else float("nan")

    def _advance(self, num_samples: int, elapsed_s: float) -> None:
        done = self.progress
        self.progress = replace(
            done,
            batch=done.batch + 1,
            step=done.step + 1,
            audio_s=done.audio_s + num_samples / self.config.model.framing.sample_rate,
            elapsed_s=done.elapsed_s + elapsed_s,
        )

    def _validate(self) -> Validation:
        batches = self.validation.source.in_order()
        return validate(self.learner, batches, self.validation.utterances)

    def _save(self, name: str) -> None:
        checkpoint = Checkpoint(
            config=self.config,
            vocabulary=VOCABULARY,
            progress=self.progress,
            model=self.learner.model.state_dict(),
            average=self.learner.averaged.state_dict(),
            optimiser=self.learner.optimiser.state_dict(),
            best_wer=self.best_wer,
        )
        save_checkpoint(checkpoint, self.folder / name)

    def _save_best(self, wer: float) -> None:
        is_best = wer < self.best_wer
        self.best_wer = min(wer, self.best_wer)
        self._save(LAST)
        if is_best:
            self._save(BEST)

    def _show(self, bar: ProgressBar, loss: float) -> None:
        done = self.progress
        speed = done.audio_s / max(done.elapsed_s, 1e-9)  # audio-hours an hour
        best = "-" if self.best_wer == float("inf") else f"{self.best_wer:.1%}"
        state = f"loss {loss:.3f}  best WER {best}  {speed:.0f} audio-hours/h"
        bar.update(bar.task_ids[0], completed=done.step, description=state)

    def _progress_bar(self) -> ProgressBar:
        bar = ProgressBar(
            TextColumn("step {task.completed}/{task.total}"),
            BarColumn(),
            TextColumn("{task.description}"),
            TimeRemainingColumn(),
        )
        bar.add_task("train", total=self.num_steps, completed=self.progress.step)
        return bar

    def _summary(self, loss: float, validation: Validation) -> str:
        done = self.progress
        return (
            f"epoch {done.epoch}: {done.audio_s / 3600:.1f} h of audio in {done.elapsed_s:.0f} s,"
            f" loss {loss:.3f}, dev loss {validation.loss:.3f},"
            f" dev WER {validation.words.rate:.1%}, CER {validation.characters.rate:.1%}"
        )


def train(config: RunConfig, folder: Path) -> None:
    """Start the run in `folder`, or go on where its last checkpoint was written.

    A run that goes on keeps its own configuration, except for the number of epochs and what only
    concerns the machine. Raises InvalidConfig where the rest of `config` differs from it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = None
    if (folder / LAST).exists():
        checkpoint = load_checkpoint(folder / LAST)
        check_same_run(config, checkpoint.config)
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    Run(config, folder, checkpoint).train()


def run(arguments: argparse.Namespace) -> int:
    """Train as the command line says. Returns the exit code: 2 for wrong input."""
    try:
        train(read_config(arguments.config), arguments.run or Path("runs") / arguments.config.stem)
    except (InvalidConfig, InvalidCheckpoint, InvalidManifest, EngineError, OSError) as error:
        print(f"longwave train: {error}", file=sys.stderr)
        return 2
    return 0


def check_same_run(config: RunConfig, started_with: RunConfig) -> None:
    """Raise InvalidConfig if a run that started with one configuration cannot go on with this."""
    resumed = replace(
        started_with,
        epochs=config.epochs,
        num_threads=config.num_threads,
        precision=config.precision,
        checkpoint_minutes=config.checkpoint_minutes,
    )
    if resumed != config:
        raise InvalidConfig(
            "the run folder holds a run with another configuration; "
            "name another folder, or restore the configuration that its run.json shows"
        )
