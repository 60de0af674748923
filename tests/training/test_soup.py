"""Checkpoints of several runs become one model with their mean weights."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.training.tiny_run import tiny_config
from training.checkpoint import Checkpoint, InvalidCheckpoint, Progress, averaged_model, soup
from training.model import AcousticModel
from training.text import VOCABULARY


def checkpoint(seed: int, cell: str = "lstm") -> Checkpoint:
    config = tiny_config(Path(), epochs=1, cell=cell)
    torch.manual_seed(seed)
    weights = AcousticModel(config.model).state_dict()
    return Checkpoint(config, VOCABULARY, Progress(), weights, weights, {}, 1.0)


def mixed(first: Checkpoint, *others: Checkpoint) -> Checkpoint:
    return soup(first, [averaged_model(other) for other in others])


def test_a_soup_has_the_mean_weights() -> None:
    ingredients = [checkpoint(seed) for seed in (1, 2, 3)]
    mean = averaged_model(mixed(*ingredients)).output.weight
    expected = sum(each.average["output.weight"] for each in ingredients) / 3
    torch.testing.assert_close(mean, expected)


def test_a_soup_of_one_is_that_one() -> None:
    only = checkpoint(1)
    cooked = mixed(only)
    assert cooked.config == only.config
    assert all(torch.equal(cooked.average[name], only.average[name]) for name in only.average)


def test_different_models_make_no_soup() -> None:
    with pytest.raises(InvalidCheckpoint, match=r"one \[model\].*gru"):
        mixed(checkpoint(1), checkpoint(2, cell="gru"))


def test_runs_that_differ_in_dropout_make_a_soup() -> None:
    other = checkpoint(2)
    model = replace(other.config.model, dropout=0.4)
    other = replace(other, config=replace(other.config, model=model))
    mean = mixed(checkpoint(1), other).average["output.weight"]
    torch.testing.assert_close(mean, mixed(checkpoint(1), checkpoint(2)).average["output.weight"])


def test_a_soup_leaves_its_ingredients_alone() -> None:
    first, second = checkpoint(1), checkpoint(2)
    before = replace(first, average={k: v.clone() for k, v in first.average.items()})
    mixed(first, second)
    assert all(torch.equal(first.average[name], before.average[name]) for name in before.average)
