"""Batches: which utterances, how padded, and always the same ones again."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import given
from hypothesis import strategies as st

from service.engine.framing import Framing
from training.audio_dataset import BatchSource, batch_indices, collate, open_store
from training.augment import WaveformAugmenter
from training.config import AugmentConfig
from training.manifest import Utterance

FRAMING = Framing(sample_rate=8000, samples_per_frame=320, frames_per_step=2, lookahead_frames=4)
TEXTS = ("one", "two three", "a", "forty two")


@pytest.fixture
def utterances(tmp_path: Path) -> list[Utterance]:
    """Four recordings of noise, of 0.2 to 0.8 s."""
    rng = np.random.default_rng(0)
    made = []
    for number, text in enumerate(TEXTS, start=1):
        path, duration_s = tmp_path / f"{number}.wav", 0.2 * number
        samples = rng.normal(0, 0.1, round(duration_s * FRAMING.sample_rate))
        soundfile.write(path, samples, FRAMING.sample_rate)
        corpus = "rare" if number == 1 else "common"
        made.append(Utterance(path, duration_s, text, text, corpus, "someone", "train"))
    return made


def source(utterances: list[Utterance], cache: Path) -> BatchSource:
    store = open_store(utterances, FRAMING.sample_rate, cache)
    return BatchSource(utterances, store, FRAMING, max_batch_samples=8000)


def test_store_holds_the_audio_and_is_decoded_once(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    open_store(utterances, FRAMING.sample_rate, tmp_path / "cache")
    expected = [soundfile.read(utterance.audio, dtype="float32")[0] for utterance in utterances]
    for utterance in utterances:
        utterance.audio.unlink()
    store = open_store(utterances, FRAMING.sample_rate, tmp_path / "cache")
    assert len(store) == len(expected)
    for index, waveform in enumerate(expected):
        np.testing.assert_allclose(store[index], waveform, atol=1e-4)


def test_other_speech_of_the_same_names_is_decoded_anew(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    open_store(utterances, FRAMING.sample_rate, tmp_path / "cache")
    longer = [replace(each, duration_s=each.duration_s + 0.1) for each in utterances]
    for each in longer:
        num_samples = round(each.duration_s * FRAMING.sample_rate)
        soundfile.write(each.audio, np.zeros(num_samples), FRAMING.sample_rate)
    store = open_store(longer, FRAMING.sample_rate, tmp_path / "cache")
    assert store.num_samples.sum() / FRAMING.sample_rate == pytest.approx(2.4)


def test_collate_pads_as_the_engine_flushes() -> None:
    waveforms = [np.ones(1000, np.float32), np.ones(321, np.float32)]
    batch = collate(waveforms, ["ab", "c"], [5, 7], FRAMING)
    assert batch.waveforms.shape == (2, FRAMING.flushed_samples(1000))
    assert batch.waveforms[1, 321:].abs().max() == 0
    assert batch.num_frames.tolist() == [4, 2]
    assert batch.target_lengths.tolist() == [2, 1]
    assert len(batch.targets) == 3
    assert batch.indices == (5, 7)
    assert batch.duration_samples == 1321


@given(
    st.lists(st.integers(1, 1000), min_size=1, max_size=60),
    st.one_of(st.none(), st.integers(0, 5)),
)
def test_every_utterance_is_in_one_batch_of_bounded_size(
    lengths: list[int], seed: int | None
) -> None:
    rng = None if seed is None else np.random.default_rng(seed)
    plan = batch_indices(np.array(lengths), 2000, rng)
    assert sorted(index for batch in plan for index in batch) == list(range(len(lengths)))
    for batch in plan:
        assert max(lengths[index] for index in batch) * len(batch) <= 2000


def test_repeats(utterances: list[Utterance], tmp_path: Path) -> None:
    plan = source(utterances, tmp_path / "cache").plan(seed=1, epoch=0, repeats={"rare": 3})
    assert sorted(index for batch in plan for index in batch) == [0, 0, 0, 1, 2, 3]


def test_going_on_in_the_middle_gives_the_same_batches(
    utterances: list[Utterance], tmp_path: Path
) -> None:
    batches = source(utterances, tmp_path / "cache")
    augmenter = WaveformAugmenter(AugmentConfig(), FRAMING.sample_rate, noises=())
    plan = batches.plan(seed=1, epoch=3, repeats={})
    assert len(plan) > 1
    whole = list(batches.varied(plan, 0, augmenter, (1, 3)))
    resumed = list(batches.varied(plan, 1, augmenter, (1, 3)))
    assert [batch.indices for batch in whole[1:]] == [batch.indices for batch in resumed]
    for ours, theirs in zip(whole[1:], resumed, strict=True):
        assert torch.equal(ours.waveforms, theirs.waveforms)


def test_epochs_differ(utterances: list[Utterance], tmp_path: Path) -> None:
    batches = source(utterances, tmp_path / "cache")
    plans = {str(batches.plan(seed=1, epoch=epoch, repeats={})) for epoch in range(8)}
    assert len(plans) > 1


def test_in_order_leaves_the_audio_alone(utterances: list[Utterance], tmp_path: Path) -> None:
    for batch in source(utterances, tmp_path / "cache").in_order():
        for waveform, index, length in zip(
            batch.waveforms, batch.indices, batch.num_samples.tolist(), strict=True
        ):
            expected = soundfile.read(utterances[index].audio, dtype="float32")[0]
            np.testing.assert_allclose(waveform[:length].numpy(), expected, atol=1e-4)
