"""Calibration: what it fits, what it refuses, and that the engine applies it."""

import asyncio
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.engine.bundle import load_bundle
from service.engine.calibration import Calibration
from service.engine.errors import InvalidBundle
from service.engine.options import RecognitionOptions, RuntimeOptions
from service.engine.recognizer import run_recognizer, transcribe
from service.engine.transcript import Transcript
from tests.fakes import FakeAcousticModel, fake_bundle, speak
from tests.tiny_bundle import description, write_tiny_bundle
from training.calibrate import JudgedWords, bins, calibration_error, fit
from training.reliability_plot import plot_reliability
from training.score import count_errors, matched


def overconfident(num_words: int, seed: int) -> JudgedWords:
    """Words that are right as often as the square of their confidence."""
    random = np.random.default_rng(seed)
    confidence = random.uniform(size=num_words)
    return JudgedWords(confidence, (random.uniform(size=num_words) < confidence**2).astype(float))


def test_calibration_learned_on_some_words_holds_for_others() -> None:
    calibration = fit(overconfident(2000, seed=0))
    others = overconfident(2000, seed=1)
    assert calibration_error(others) > 0.15
    assert calibration_error(others.calibrated(calibration)) < 0.05


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=300))
def test_any_words_give_a_rising_line(words: list[tuple[float, bool]]) -> None:
    judged = JudgedWords(np.array([c for c, _ in words]), np.array([float(r) for _, r in words]))
    calibration = fit(judged)
    shares = [calibration(confidence) for confidence in np.linspace(0, 1, 50).tolist()]
    assert all(a <= b for a, b in pairwise(shares))
    assert all(0 < share < 1 for share in shares)


def test_the_error_is_the_gap_of_the_bins() -> None:
    words = JudgedWords(np.array([0.15, 0.15, 0.95, 1.0]), np.array([1.0, 0.0, 1.0, 1.0]))
    assert [(right, number) for _, right, number in bins(words)] == [(0.5, 2), (1.0, 2)]
    assert [confidence for confidence, _, _ in bins(words)] == pytest.approx([0.15, 0.975])
    assert calibration_error(words) == pytest.approx((0.35 * 2 + 0.025 * 2) / 4)


tokens = st.lists(st.sampled_from("abc"), max_size=8)


@given(tokens, tokens)
def test_matches_are_those_of_a_best_alignment(reference: list[str], hypothesis: list[str]) -> None:
    found = matched(reference, hypothesis)
    errors = count_errors(reference, hypothesis)
    assert len(found) == len(hypothesis)
    wrong_or_added = errors.substitutions + errors.insertions
    assert sum(found) <= len(hypothesis) - wrong_or_added
    kept = [token for token, right in zip(hypothesis, found, strict=True) if right]
    remaining = iter(reference)
    assert all(token in remaining for token in kept)  # in this order


def test_matches_by_hand() -> None:
    assert matched(["the", "cat", "sat"], ["a", "cat", "sat", "down"]) == [False, True, True, False]


async def _heard(calibration: dict[str, Calibration]) -> Transcript:
    bundle = fake_bundle()
    bundle = replace(bundle, decoding=replace(bundle.decoding, calibration=calibration))
    async with run_recognizer(bundle, FakeAcousticModel(), RuntimeOptions()) as recognizer:
        return await transcribe(recognizer, [speak("one two")], RecognitionOptions())


def test_the_engine_gives_calibrated_confidences_for_its_decoder_only() -> None:
    line = Calibration((0.0, 1.0), (0.2, 0.4))
    plain, calibrated, other = (
        asyncio.run(_heard(lines)) for lines in ({}, {"greedy": line}, {"beam": line})
    )
    assert [word.confidence for word in other.words] == [word.confidence for word in plain.words]
    for before, after in zip(plain.words, calibrated.words, strict=True):
        assert after.confidence == pytest.approx(0.2 + 0.2 * before.confidence)


@pytest.mark.parametrize(
    "knots", [[[0.5, 1.5]], [[0.5, 0.5], [0.4, 0.6]], [[0.1, 0.5], [0.4, 0.2]], [[0.1]], "high"]
)
def test_a_wrong_calibration_is_refused(tmp_path: Path, knots: object) -> None:
    decoding = {**description("")["decoding"], "calibration": {"greedy": knots}}
    with pytest.raises(InvalidBundle, match=r"bundle\.json is wrong"):
        load_bundle(write_tiny_bundle(tmp_path, decoding=decoding))


def test_reliability_is_drawn(tmp_path: Path) -> None:
    words = overconfident(200, seed=2)
    plot_reliability(tmp_path / "plot.png", words, words.calibrated(fit(words)))
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
