"""Runs of two processes that `torchrun` starts, on the CPU: they are one run."""

import os
import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import soundfile
import torch

from tests.training.test_train import weights
from tests.training.tiny_run import SAMPLE_RATE, TEXT, spoken, tiny_config
from training.checkpoint import load_checkpoint
from training.config import AugmentConfig, RunConfig
from training.distributed import ALONE, Ranks
from training.manifest import Utterance, write_manifest
from training.train import LAST, train

NUM_UTTERANCES = 4
TRAIN = """
import pickle, sys
from pathlib import Path
from training.train import train
train(pickle.loads(Path(sys.argv[1]).read_bytes()), Path(sys.argv[2]))
"""


def train_with_two_processes(config: RunConfig, folder: Path) -> str:
    """Run torchrun; returns what the run printed."""
    script, pickled = folder.with_suffix(".py"), folder.with_suffix(".pickle")
    script.write_text(TRAIN, encoding="utf-8")
    pickled.write_bytes(pickle.dumps(config))
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    command = [*torchrun, "--nproc-per-node", "2", str(script), str(pickled), str(folder)]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1", "GLOO_SOCKET_IFNAME": "lo"},
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture
def config(tmp_path: Path) -> RunConfig:
    """Utterances that differ in level, nothing left to chance, and a constant learning rate."""
    utterances = []
    for index in range(NUM_UTTERANCES):
        audio = tmp_path / f"{index}.wav"
        soundfile.write(audio, spoken() / (index + 1), SAMPLE_RATE)
        duration_s = len(spoken()) / SAMPLE_RATE
        splits = ("train", "dev") if index == 0 else ("train",)
        utterances += [
            Utterance(audio, duration_s, TEXT, TEXT, "tiny", "ann", split) for split in splits
        ]
    write_manifest(tmp_path / "manifest.jsonl", utterances)
    config = tiny_config(tmp_path, epochs=2, repeats=1)
    return replace(
        config,
        augment=AugmentConfig(
            max_speed_change=0.0, min_gain_db=0.0, max_gain_db=0.0, freq_masks=0, time_masks=0
        ),
        optimiser=replace(config.optimiser, decay_fraction=0.0),
    )


def halved(config: RunConfig) -> RunConfig:
    """With batches of half the utterances."""
    return replace(
        config, data=replace(config.data, batch_duration_s=config.data.batch_duration_s / 2)
    )


def test_two_processes_step_as_one_with_batches_twice_as_large_and_go_on(
    tmp_path: Path, config: RunConfig
) -> None:
    alone, whole, stopped = (tmp_path / name for name in ("alone", "whole", "stopped"))
    train(config, alone)
    small = halved(config)
    assert train_with_two_processes(small, whole).count("epoch 1:") == 1
    expected, found = (load_checkpoint(folder / LAST).progress for folder in (alone, whole))
    assert found.step == expected.step == 2
    assert found.audio_s == expected.audio_s
    assert_close(whole, alone, tolerance=2e-4)
    train_with_two_processes(replace(small, epochs=1), stopped)
    train_with_two_processes(small, stopped)
    assert_close(stopped, whole, tolerance=0)


def assert_close(ours: Path, theirs: Path, tolerance: float) -> None:
    expected = weights(theirs)
    for name, tensor in weights(ours).items():
        torch.testing.assert_close(tensor, expected[name], atol=tolerance, rtol=0, msg=name)


def test_every_process_gets_as_many_batches() -> None:
    plan = list(range(7))
    assert ALONE.share(plan) == plan
    shares = [list(Ranks(rank, 3).share(plan)) for rank in range(3)]
    assert shares == [[0, 3], [1, 4], [2, 5]]


def test_chance_differs_between_processes_and_not_from_a_lone_one() -> None:
    assert Ranks(0, 2).seeds(1, 5) == ALONE.seeds(1, 5) == (1, 5)
    assert Ranks(1, 2).seeds(1, 5) != (1, 5)
