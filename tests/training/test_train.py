"""Runs: they resume as if nothing had happened, and explain themselves."""

import dataclasses
import json
import math
import pickle
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from tests.training.tiny_run import CORPUS, tiny_config, write_corpus, write_hello_alignments
from training.checkpoint import (
    Checkpoint,
    InvalidCheckpoint,
    averaged_model,
    load_checkpoint,
    save_checkpoint,
)
from training.config import InvalidConfig, OptimiserConfig, RunConfig
from training.export import BundleIdentity, export
from training.initial_weights import LOOKAHEAD_WEIGHT
from training.loop import Learner, StepResult, learning_rate
from training.run_log import git_commit
from training.train import BEST, LAST, Diverged, train

TRAIN_FOREVER = """
import pickle, sys
from pathlib import Path
from training.train import train
train(pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
"""


def weights(folder: Path) -> dict[str, torch.Tensor]:
    return dict(averaged_model(load_checkpoint(folder / LAST)).state_dict())


def assert_same_weights(ours: Path, theirs: Path) -> None:
    expected = weights(theirs)
    for name, tensor in weights(ours).items():
        torch.testing.assert_close(tensor, expected[name], atol=0, rtol=0, msg=name)


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    write_corpus(tmp_path)
    return tiny_config(tmp_path, epochs=6)


def test_killed_run_goes_on_as_if_nothing_had_happened(tmp_path: Path, config: RunConfig) -> None:
    alignments = str(write_hello_alignments(tmp_path))
    spliced = dataclasses.replace(config.augment, alignments=alignments, splice_probability=0.5)
    config = dataclasses.replace(config, augment=spliced)
    train(config, tmp_path / "whole")
    interrupted = tmp_path / "interrupted"
    run_and_kill(config, interrupted, tmp_path / "config.pickle")
    train(config, interrupted)
    assert load_checkpoint(interrupted / LAST).progress.step == 6 * 2
    assert_same_weights(interrupted, tmp_path / "whole")


def run_and_kill(config: RunConfig, folder: Path, config_path: Path) -> None:
    """Start the run in a process of its own and kill it after its first checkpoint."""
    config_path.write_bytes(pickle.dumps(config))
    command = [sys.executable, "-c", TRAIN_FOREVER, str(config_path), str(folder)]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not (folder / LAST).exists():
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.005)
        process.send_signal(signal.SIGKILL)


def test_a_run_killed_between_two_checkpoints_still_has_its_best(
    tmp_path: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved: list[Path] = []

    def save_once(checkpoint: Checkpoint, path: Path) -> None:
        if saved:
            raise KeyboardInterrupt
        saved.append(path)
        save_checkpoint(checkpoint, path)

    monkeypatch.setattr("training.train.save_checkpoint", save_once)
    with pytest.raises(KeyboardInterrupt):
        train(dataclasses.replace(config, epochs=1), tmp_path / "run")
    monkeypatch.undo()
    train(dataclasses.replace(config, epochs=1), tmp_path / "run")
    last, best = (load_checkpoint(tmp_path / "run" / name) for name in (LAST, BEST))
    assert best.best_wer == last.best_wer < float("inf")
    assert (tmp_path / "run" / "curves.csv").read_text().count("\n") == 2  # not one epoch twice


def test_run_folder_explains_itself(tmp_path: Path, config: RunConfig) -> None:
    folder = tmp_path / "run"
    train(dataclasses.replace(config, epochs=2), folder)
    description = json.loads((folder / "run.json").read_text())
    assert description["config"]["model"]["hidden_size"] == config.model.hidden_size
    assert {"commit", "data", "device", "torch"} <= description.keys()
    assert (folder / "curves.csv").read_text().count("\n") == 3
    assert (folder / "curves.png").stat().st_size > 0
    assert list((folder / "tensorboard").iterdir())


def test_another_configuration_cannot_go_on(tmp_path: Path, config: RunConfig) -> None:
    folder = tmp_path / "run"
    train(dataclasses.replace(config, epochs=1), folder)
    with pytest.raises(InvalidConfig, match="another configuration"):
        train(dataclasses.replace(config, seed=2), folder)


@pytest.mark.parametrize("kind", ["checkpoint", "bundle"])
def test_a_run_can_start_from_the_weights_of_another(
    tmp_path: Path, config: RunConfig, kind: str
) -> None:
    """With no rate of learning to speak of, it ends where the other one did."""
    train(dataclasses.replace(config, epochs=1), tmp_path / "first")
    start = tmp_path / "first" / LAST
    if kind == "bundle":
        start = tmp_path / "bundle"
        export(load_checkpoint(tmp_path / "first" / LAST), start, BundleIdentity("bundle"), [])
    still = dataclasses.replace(config.optimiser, learning_rate=0.0, final_rate=0.0)
    second = dataclasses.replace(config, epochs=1, initial_weights=str(start), optimiser=still)
    train(second, tmp_path / "second")
    expected = weights(tmp_path / "first")
    for name, tensor in weights(tmp_path / "second").items():
        torch.testing.assert_close(tensor, expected[name], atol=1e-3, rtol=1e-2, msg=name)


@pytest.mark.parametrize("lookahead_steps", [1, 4])
def test_a_run_can_look_further_or_less_far_than_what_it_starts_from(
    tmp_path: Path, config: RunConfig, lookahead_steps: int
) -> None:
    train(dataclasses.replace(config, epochs=1), tmp_path / "first")
    still = dataclasses.replace(config.optimiser, learning_rate=0.0, final_rate=0.0)
    model = dataclasses.replace(config.model, lookahead_steps=lookahead_steps)
    start = str(tmp_path / "first" / LAST)
    second = dataclasses.replace(config, epochs=1, initial_weights=start, optimiser=still)
    train(dataclasses.replace(second, model=model), tmp_path / "second")
    before, after = (weights(tmp_path / run)[LOOKAHEAD_WEIGHT] for run in ("first", "second"))
    num_kept = min(before.shape[2], after.shape[2])
    assert after.shape[2] == lookahead_steps + 1
    torch.testing.assert_close(after[..., :num_kept], before[..., :num_kept], atol=1e-3, rtol=1e-2)
    assert not after[..., num_kept:].any()


def test_weights_of_another_shape_are_refused(tmp_path: Path, config: RunConfig) -> None:
    train(dataclasses.replace(config, epochs=1), tmp_path / "first")
    start = tmp_path / "first" / LAST
    wider = dataclasses.replace(config.model, hidden_size=64)
    second = dataclasses.replace(config, model=wider, initial_weights=str(start))
    with pytest.raises(InvalidConfig, match=r"last\.pt holds another model"):
        train(second, tmp_path / "second")


def test_a_run_that_learns_nothing_any_more_stops(
    tmp_path: Path, config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Learner, "step", lambda *_: StepResult(math.nan, math.inf, 0.0))
    with pytest.raises(Diverged, match="learning_rate"):
        train(config, tmp_path / "run")


def test_a_run_without_a_batch_is_refused(tmp_path: Path, config: RunConfig) -> None:
    data = dataclasses.replace(config.data, repeats={CORPUS: 0})
    with pytest.raises(InvalidConfig, match="fewer batches than processes"):
        train(dataclasses.replace(config, data=data), tmp_path / "run")


def test_a_missing_validation_split_is_told_before_speech_is_decoded(
    tmp_path: Path, config: RunConfig
) -> None:
    data = dataclasses.replace(config.data, validation_split="valid")
    with pytest.raises(InvalidConfig, match="no utterance of split 'valid'"):
        train(dataclasses.replace(config, data=data), tmp_path / "run")
    assert not Path(config.data.cache).exists()


def test_a_machine_without_git_trains_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    assert git_commit() == "unknown"


def test_a_folder_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(InvalidCheckpoint, match=r"is a folder; name a checkpoint in it"):
        load_checkpoint(tmp_path)


def test_a_checkpoint_of_another_version_is_named(tmp_path: Path, config: RunConfig) -> None:
    folder = tmp_path / "run"
    train(dataclasses.replace(config, epochs=1), folder)
    contents = torch.load(folder / LAST, weights_only=True)
    contents["config"]["momentum"] = 0.9
    torch.save(contents, folder / LAST)
    with pytest.raises(
        InvalidCheckpoint, match=r"last\.pt was written by another version.*momentum"
    ):
        load_checkpoint(folder / LAST)


def test_damaged_checkpoint_is_named(tmp_path: Path, config: RunConfig) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / LAST).write_bytes(b"PK\x03\x04 not a checkpoint")
    with pytest.raises(InvalidCheckpoint, match=r"last\.pt"):
        train(config, folder)


def test_learning_rate_warms_up_stays_and_falls() -> None:
    config = OptimiserConfig(learning_rate=1.0, final_rate=0.0, warmup_steps=10, decay_fraction=0.5)
    rates = [learning_rate(config, step, 100) for step in range(101)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9:51] == [1.0] * 42
    assert rates[75] == pytest.approx(0.5)
    assert rates[100] == 0.0
