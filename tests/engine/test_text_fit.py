"""How well a text fits, against all paths that spell it."""

import math
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.text_fit import Heard, fit_text, place_text
from tests.engine.ctc_samples import BLANK_ID, log_probs, spelled

SMALL = ("<blank>", " ", "a", "b")
SPACE_ID = 1
many = settings(deadline=None, max_examples=60)
tiny = log_probs(max_frames=5, vocabulary_size=len(SMALL))
texts = st.lists(st.sampled_from(["a", "b", "aa", "ab", "ba"]), max_size=3).map(" ".join)


def labels(text: str) -> NDArray[np.int32]:
    return np.array([SMALL.index(letter) for letter in text], np.int32)


def heard(frames: NDArray[np.float32], space_id: int = SPACE_ID) -> Heard:
    return Heard(np.exp(frames, dtype=np.float64), BLANK_ID, space_id)


def spells(path: tuple[int, ...], text: str, has_spaces: bool) -> bool:
    collapsed = "".join(SMALL[symbol] for symbol, _ in groupby(path) if symbol != BLANK_ID)
    return (" ".join(collapsed.split()) if has_spaces else collapsed) == text


def paths_of(frames: NDArray[np.float32], text: str, has_spaces: bool) -> list[float]:
    """ln P of each path that spells the text and is possible."""
    log_probs = [
        float(frames[np.arange(len(path)), list(path)].sum(dtype=np.float64))
        for path in product(range(len(SMALL)), repeat=len(frames))
        if spells(path, text, has_spaces)
    ]
    return [log_prob for log_prob in log_probs if log_prob > -math.inf]


@many
@given(frames=tiny, text=texts)
def test_a_text_has_the_sum_of_its_paths(frames: NDArray[np.float32], text: str) -> None:
    log_prob = fit_text(heard(frames), labels(text))
    paths = paths_of(frames, text, has_spaces=True)
    if not paths:
        assert log_prob == -math.inf
    else:
        assert log_prob == pytest.approx(np.logaddexp.reduce(paths), abs=1e-5)


@many
@given(frames=tiny, text=texts.map(lambda text: text.replace(" ", "")))
def test_without_spaces_a_space_is_a_symbol_like_others(
    frames: NDArray[np.float32], text: str
) -> None:
    log_prob = fit_text(heard(frames, space_id=-1), labels(text))
    paths = paths_of(frames, text, has_spaces=False)
    expected = np.logaddexp.reduce(paths) if paths else -math.inf
    assert log_prob == pytest.approx(expected, abs=1e-5)


@many
@given(frames=tiny, text=texts.filter(bool))
def test_the_emissions_are_those_of_the_best_path(frames: NDArray[np.float32], text: str) -> None:
    """The best path that has just these letters in just these frames is the best of all."""
    emissions = place_text(heard(frames), labels(text))
    paths = paths_of(frames, text, has_spaces=True)
    assert len(emissions) == (len(text) if paths else 0)
    if not paths:
        return
    runs = [run for run, letter in zip(emissions, text, strict=True) if letter != " "]
    letters = labels(text.replace(" ", "")).tolist()
    said = {
        frame: letter
        for run, letter in zip(runs, letters, strict=True)
        for frame in range(run["start"], run["end"])
    }
    between = frames[:, [BLANK_ID, SPACE_ID]].max(axis=1)
    log_prob = sum(
        float(frames[frame, said[frame]] if frame in said else between[frame])
        for frame in range(len(frames))
    )
    assert log_prob >= max(paths) - 1e-5
    for run, letter in zip(runs, letters, strict=True):
        peak = frames[run["start"] : run["end"], letter].max()
        assert run["peak"] == pytest.approx(peak, abs=1e-5)


def test_letters_are_found_where_they_are_said() -> None:
    vocabulary = ("<blank>", " ", "'", "a", "b")
    text = np.array([vocabulary.index(letter) for letter in "ab a"], np.int32)
    frames = np.exp(spelled("--aa-b- -aa--"), dtype=np.float64)
    emissions = place_text(Heard(frames, BLANK_ID, SPACE_ID), text)
    assert emissions[["start", "end"]].tolist() == [(2, 4), (5, 6), (7, 8), (9, 11)]


def test_a_long_text_is_not_lost_in_rounding() -> None:
    frames = spelled("ab-" * 700, posterior=0.8)
    text = np.array([3, 4] * 700, np.int32)
    heard = Heard(np.exp(frames, dtype=np.float64), BLANK_ID, -1)
    assert 2100 * math.log(0.8) < fit_text(heard, text) < 0
    assert len(place_text(heard, text)) == 1400
