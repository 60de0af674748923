"""`longwave train`: from a configuration to a run folder with checkpoints, curves and a model."""

import argparse
import math
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
import torch
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as ProgressBar

from service.engine.errors import EngineError
from training.alignments import InvalidAlignments
from training.augment import WaveformAugmenter
from training.checkpoint import (
    Checkpoint,
    InvalidCheckpoint,
    Progress,
    load_checkpoint,
    save_checkpoint,
)
from training.config import InvalidConfig, RunConfig, read_config
from training.distributed import Ranks, joined_ranks
from training.initial_weights import initial_weights
from training.loop import Learner, Validation, validate
from training.manifest import InvalidManifest
from training.model import AcousticModel
from training.preparation import load_corpus, load_noises, load_splicer, set_normalisation
from training.pronunciation import InvalidLexicon
from training.run_log import RunLog
from training.text import VOCABULARY

LAST = "last.pt"
BEST = "best.pt"

WRONG_INPUT: Final = (
    InvalidAlignments, InvalidConfig, InvalidCheckpoint, InvalidLexicon, InvalidManifest,
    EngineError, OSError,
)  # fmt: skip
"""What `train` raises where its input is wrong."""


class Diverged(Exception):
    """A run learns nothing any more. The message says what may help."""


class Run:
    """A run folder and everything that is going on in it, in one of its processes."""

    def __init__(
        self, config: RunConfig, folder: Path, checkpoint: Checkpoint | None, ranks: Ranks
    ) -> None:
        self.config = config
        self.folder = folder
        self.ranks = ranks
        with ranks.main_first():
            # The smaller one first: if it is missing, that shows before days of speech are decoded.
            self.validation = load_corpus(config, config.data.validation_split)
            self.training = load_corpus(config, config.data.train_split)
        self.augmenter = WaveformAugmenter(
            config.augment, config.model.framing.sample_rate, load_noises(config)
        )
        self.splice = load_splicer(config, self.training)
        self.learner = self._make_learner(checkpoint)
        self.progress = checkpoint.progress if checkpoint else Progress()
        self.best_wer = checkpoint.best_wer if checkpoint else float("inf")
        self.num_steps = sum(len(self._plan(epoch)) for epoch in range(config.epochs))
        if not self.num_steps:
            raise InvalidConfig(
                f"an epoch has fewer batches than processes, of which there are {ranks.size}:"
                " give it more speech, fewer processes or data.repeats above 0"
            )
        self.log = RunLog(folder) if ranks.is_main else None

    def _make_learner(self, checkpoint: Checkpoint | None) -> Learner:
        torch.manual_seed(self.config.seed)
        model = AcousticModel(self.config.model)
        if self.config.initial_weights and not checkpoint:
            model.load_state_dict(initial_weights(self.config))
        elif not checkpoint:
            set_normalisation(model, self.training.store, self.config.seed)
        texts = (utterance.text for utterance in self.training.utterances)
        learner = Learner(model, self.config, self.ranks.device, self.ranks, texts)
        if checkpoint:
            learner.model.load_state_dict(checkpoint.model)
            learner.averaged.load_state_dict(checkpoint.average)
            learner.optimiser.load_state_dict(checkpoint.optimiser)
            learner.average.n_averaged.fill_(checkpoint.progress.step)
        return learner

    def _plan(self, epoch: int) -> Sequence[list[int]]:
        """The batches of an epoch that are this process's."""
        plan = self.training.source.plan(self.config.seed, epoch, self.config.data.repeats)
        return self.ranks.share(plan)

    def train(self) -> None:
        """Go on to the last epoch; every epoch ends with a validation and a checkpoint."""
        if self.log:
            utterances = self.training.utterances + self.validation.utterances
            self.log.describe(self.config, utterances, str(self.learner.device))
        with self._progress_bar() as bar:
            while self.progress.epoch < self.config.epochs:
                loss = self._train_epoch(bar)
                self.progress = replace(self.progress, epoch=self.progress.epoch + 1, batch=0)
                if self.log:
                    validation = validate(self.learner.averaged, self.validation)
                    self.log.epoch(self.progress, loss, validation)
                    self._save_best(validation.words.rate)
                    bar.console.print(self._summary(loss, validation))
        if self.log:
            self.log.close()

    def _train_epoch(self, bar: ProgressBar) -> float:
        """The rest of the current epoch; returns its mean loss. Raises Diverged."""
        epoch, plan = self.progress.epoch, self._plan(self.progress.epoch)
        first, seeds = self.progress.batch, self.ranks.seeds(self.config.seed, epoch)
        losses: list[float] = []
        has_learned = False
        last_save = last_step = time.monotonic()
        for batch in self.training.source.varied(plan, first, self.augmenter, seeds, self.splice):
            result = self.learner.step(batch, self.progress.step, self.num_steps)
            now = time.monotonic()
            self._advance(batch.duration_samples, now - last_step)
            last_step = now
            losses.append(result.loss)
            has_learned |= math.isfinite(result.gradient_norm)
            if self.log:
                self.log.step(self.progress.step, result)
                self._show(bar, result.loss)
            if self.log and now - last_save > 60 * self.config.checkpoint_minutes:
                self._save(LAST)
                last_save = now
        if losses and not has_learned:
            raise Diverged("no gradient was finite any more: try a lower optimiser.learning_rate")
        return float(np.mean(losses)) if losses else float("nan")

    def _advance(self, num_samples: int, elapsed_s: float) -> None:
        done = self.progress
        self.progress = replace(
            done,
            batch=done.batch + 1,
            step=done.step + 1,
            audio_s=done.audio_s
            + self.ranks.total(num_samples) / self.config.model.framing.sample_rate,
            elapsed_s=done.elapsed_s + elapsed_s,
        )

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
        if is_best:
            self._save(BEST)
        self._save(LAST)  # after it: a run that goes on from here believes that BEST is there

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
            disable=not self.ranks.is_main,
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
    concerns the machine. Raises InvalidConfig where the rest of `config` differs from it, others of
    WRONG_INPUT, and Diverged.
    """
    with joined_ranks() as ranks:
        _train(config, folder, ranks)


def _train(config: RunConfig, folder: Path, ranks: Ranks) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = None
    if (folder / LAST).exists():
        checkpoint = load_checkpoint(folder / LAST)
        check_same_run(config, checkpoint.config)
    if config.num_threads:
        torch.set_num_threads(config.num_threads)
    Run(config, folder, checkpoint, ranks).train()


def run(arguments: argparse.Namespace) -> int:
    """Train as the command line says. Returns the exit code: 1 diverged, 2 for wrong input."""
    try:
        train(read_config(arguments.config), arguments.run or Path("runs") / arguments.config.stem)
    except (*WRONG_INPUT, Diverged) as error:
        print(f"longwave train: {error}", file=sys.stderr)
        return 1 if isinstance(error, Diverged) else 2
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
