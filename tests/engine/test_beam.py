"""Prefix beam search against all paths there are, cut anywhere, endless, fused."""

import math
from collections import defaultdict
from dataclasses import replace
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.beam import BeamDecoder, BeamTuning
from service.engine.decoding import Hypothesis
from service.engine.greedy import GreedyDecoder
from service.engine.language_model import ShallowFusion
from tests.engine.ctc_samples import (
    BLANK_ID,
    VOCABULARY,
    cut,
    decoded,
    log_probs,
    normalised,
    places,
    read,
    spelled,
)
from tests.engine.ngram_samples import favourite_word, score_text

EXHAUSTIVE = BeamTuning(
    symbol_margin=math.inf, max_symbols=99, beam_margin=math.inf, sure_blank=math.inf
)
many = settings(deadline=None, max_examples=40)
SMALL = ("<blank>", " ", "a", "b")


def exhaustive(fusion: ShallowFusion | None = None) -> BeamDecoder:
    return BeamDecoder(SMALL, BLANK_ID, 10_000, 10_000, replace(EXHAUSTIVE, fusion=fusion))


def readings(decoder: BeamDecoder, frames: NDArray[np.float32]) -> list[Hypothesis]:
    return list(decoder.hypotheses(decoder.advance(decoder.start(), read(frames))))


def text_of(path: tuple[int, ...]) -> str:
    collapsed = "".join(SMALL[symbol] for symbol, _ in groupby(path) if symbol != BLANK_ID)
    return " ".join(collapsed.split())


def all_paths(frames: NDArray[np.float32]) -> dict[str, dict[tuple[int, ...], float]]:
    """The log-probability of every possible path [T] of symbols, by text."""
    paths: dict[str, dict[tuple[int, ...], float]] = defaultdict(dict)
    for path in product(range(len(SMALL)), repeat=len(frames)):
        log_prob = float(frames[np.arange(len(path)), list(path)].sum(dtype=np.float64))
        if log_prob > -math.inf:
            paths[text_of(path)][path] = log_prob
    return paths


def word_times(path: tuple[int, ...]) -> list[tuple[int, int]]:
    """[start, end) of the words of a path."""
    frames_of_words: list[list[int]] = [[]]
    for frame, symbol in enumerate(path):
        if SMALL[symbol] == " ":
            frames_of_words.append([])
        elif symbol != BLANK_ID:
            frames_of_words[-1].append(frame)
    return [(frames[0], frames[-1] + 1) for frames in frames_of_words if frames]


tiny = log_probs(max_frames=5, vocabulary_size=len(SMALL))


@many
@given(frames=tiny)
def test_without_pruning_every_text_has_the_sum_of_its_paths(frames: NDArray[np.float32]) -> None:
    found = {hypothesis.text: hypothesis.score for hypothesis in readings(exhaustive(), frames)}
    sums = {t: np.logaddexp.reduce(list(paths.values())) for t, paths in all_paths(frames).items()}
    assert found == pytest.approx(sums, abs=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


@many
@given(frames=tiny)
def test_without_pruning_times_are_those_of_the_best_path(frames: NDArray[np.float32]) -> None:
    paths = all_paths(frames)
    for hypothesis in readings(exhaustive(), frames):
        best = max(paths[hypothesis.text].values())
        times = [(word.start_frame, word.end_frame) for word in hypothesis.words]
        assert times in [
            word_times(path) for path, p in paths[hypothesis.text].items() if p > best - 1e-4
        ]


@many
@given(frames=log_probs(max_frames=90), places=places, beam_width=st.integers(1, 8))
def test_any_cutting_gives_the_same(
    frames: NDArray[np.float32], places: list[int], beam_width: int
) -> None:
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, beam_width, nbest=4)
    whole, pieces = decoded(decoder, [frames]), decoded(decoder, cut(frames, places))
    assert decoder.hypotheses(whole) == decoder.hypotheses(pieces)
    assert decoder.partial(whole) == decoder.partial(pieces)


@many
@given(frames=log_probs(max_frames=150), beam_width=st.integers(1, 8))
def test_what_is_stable_never_changes(frames: NDArray[np.float32], beam_width: int) -> None:
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, beam_width, nbest=beam_width)
    state, stable = decoder.start(), ""
    for frame in frames:
        state = decoder.advance(state, read(frame[None]))
        partial = decoder.partial(state)
        assert partial.stable.startswith(stable)
        assert partial.text.startswith(partial.stable)
        stable = partial.stable
    words = stable.split()
    for hypothesis in decoder.hypotheses(state):
        assert hypothesis.text.split()[: len(words)] == words


@many
@given(frames=log_probs(), beam_width=st.integers(1, 8))
def test_hypotheses_are_sane(frames: NDArray[np.float32], beam_width: int) -> None:
    hypotheses = readings(BeamDecoder(VOCABULARY, BLANK_ID, beam_width, nbest=3), frames)
    assert 1 <= len(hypotheses) <= 3
    assert len({hypothesis.text for hypothesis in hypotheses}) == len(hypotheses)
    for hypothesis in hypotheses:
        assert hypothesis.score <= 1e-4
        assert all(0 <= word.confidence <= 1 for word in hypothesis.words)
        assert all(0 <= w.start_frame < w.end_frame <= len(frames) for w in hypothesis.words)


@many
@given(frames=log_probs(max_frames=70), other=log_probs(max_frames=40))
def test_the_state_is_not_changed_by_advancing_it(
    frames: NDArray[np.float32], other: NDArray[np.float32]
) -> None:
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, 8, nbest=8)
    state = decoder.advance(decoder.start(), read(frames))
    before = decoder.hypotheses(state)
    decoder.advance(state, read(other))
    assert decoder.hypotheses(state) == before


def test_the_sum_of_paths_beats_the_best_path() -> None:
    """Graves' example: the blank is best in both frames, but more paths spell "a"."""
    frames = np.log([[0.6, 1e-9, 1e-9, 0.4 - 2e-9]] * 2).astype(np.float32)
    symbols = ("<blank>", " ", "b", "a")
    (greedy,) = GreedyDecoder(symbols, 0).hypotheses(
        GreedyDecoder(symbols, 0).advance(GreedyDecoder(symbols, 0).start(), read(frames))
    )
    best = readings(BeamDecoder(symbols, 0), frames)[0]
    assert (greedy.text, best.text) == ("", "a")
    assert best.score == pytest.approx(math.log(0.64))


@pytest.mark.parametrize("beam_width", [1, 16])
@pytest.mark.parametrize("path", ["aa-a-bb", "  -a  - b ", "'a a' -'", "-a--bb   -ab-aa-b --"])
def test_clear_speech_reads_as_greedily(path: str, beam_width: int) -> None:
    frames = spelled(path, posterior=0.995)
    greedy = GreedyDecoder(VOCABULARY, BLANK_ID)
    (expected,) = greedy.hypotheses(decoded(greedy, [frames]))
    best = readings(BeamDecoder(VOCABULARY, BLANK_ID, beam_width), frames)[0]
    assert best.text == expected.text
    for word, other in zip(best.words, expected.words, strict=True):
        assert (word.start_frame, word.end_frame) == (other.start_frame, other.end_frame)
        assert word.confidence == pytest.approx(other.confidence, abs=0.05)


@pytest.mark.parametrize("num_frames", [0, 1, 100])
def test_only_blanks_are_one_empty_hypothesis(num_frames: int) -> None:
    frames = np.full((num_frames, len(VOCABULARY)), -np.inf, np.float32)
    frames[:, BLANK_ID] = 0
    assert readings(BeamDecoder(VOCABULARY, BLANK_ID, 8, nbest=8), frames) == [Hypothesis((), 0.0)]


def test_a_frame_where_nothing_is_possible_is_passed_over() -> None:
    frames = np.vstack([spelled("a-"), np.full((1, len(VOCABULARY)), -np.inf), spelled("b")])
    assert readings(BeamDecoder(VOCABULARY, BLANK_ID), frames.astype(np.float32))[0].text == "ab"


def test_a_word_that_other_readings_dispute_is_less_sure() -> None:
    frames = spelled("a a a", posterior=0.97)
    frames[2] = normalised(np.log([[0.02, 0.02, 0.02, 0.48, 0.46]]))[0]
    first, second, third = readings(BeamDecoder(VOCABULARY, BLANK_ID), frames)[0].words
    assert second.confidence < 0.3 < 0.8 < min(first.confidence, third.confidence)


def num_unknown_letters(text: str) -> int:
    return sum(len(word) for word in text.split() if word != "b")


@many
@example(frames=np.zeros((0, 4), np.float32), lm_weight=1.0, word_bonus=1.0)
@given(frames=tiny, lm_weight=st.floats(0, 3), word_bonus=st.floats(-2, 2))
def test_fusion_adds_what_its_formula_says(
    frames: NDArray[np.float32], lm_weight: float, word_bonus: float
) -> None:
    model = favourite_word("b", SMALL)
    fusion = ShallowFusion(model, lm_weight, word_bonus, oov_letter_log_prob=-0.5)
    found = {
        hypothesis.text: hypothesis.score for hypothesis in readings(exhaustive(fusion), frames)
    }
    expected = {
        text: np.logaddexp.reduce(list(paths.values()))
        + lm_weight * (score_text(model, text) - 0.5 * num_unknown_letters(text))
        + word_bonus * len(text.split())
        for text, paths in all_paths(frames).items()
    }
    assert found == pytest.approx(expected, abs=1e-5)
    assert list(found.values()) == sorted(found.values(), reverse=True)


def test_a_language_model_decides_between_words_that_sound_alike() -> None:
    frames = spelled("a a a", posterior=0.97)
    frames[2] = normalised(np.log([[0.02, 0.02, 0.02, 0.48, 0.46]]))[0]
    model = favourite_word("b", VOCABULARY)
    tuning = BeamTuning(fusion=ShallowFusion(model, 0.5, 0.0, oov_letter_log_prob=0.0))
    assert readings(BeamDecoder(VOCABULARY, BLANK_ID), frames)[0].text == "a a a"
    assert readings(BeamDecoder(VOCABULARY, BLANK_ID, tuning=tuning), frames)[0].text == "a b a"


@many
@given(frames=tiny, bonuses=st.tuples(*[st.floats(-4, 4)] * len(SMALL)))
def test_bonuses_are_added_to_every_emission(
    frames: NDArray[np.float32], bonuses: tuple[float, ...]
) -> None:
    tuning = replace(EXHAUSTIVE, symbol_bonuses=bonuses)
    decoder = BeamDecoder(SMALL, BLANK_ID, 10_000, 10_000, tuning)
    found = {reading.text: reading.score for reading in readings(decoder, frames)}
    expected = {
        text: np.logaddexp.reduce([score + sum(bonuses[s] for s in path) for path, score in paths])
        for text, paths in ((text, by.items()) for text, by in all_paths(frames).items())
    }
    assert found == pytest.approx(expected, abs=1e-4)


def test_bonuses_leave_confidences_to_the_posteriors() -> None:
    frames = spelled("a b", posterior=0.9)
    for_a = tuple(3.0 * (symbol == "a") for symbol in VOCABULARY)
    plain, raised = (
        readings(BeamDecoder(VOCABULARY, BLANK_ID, 1, tuning=tuning), frames)[0]
        for tuning in (BeamTuning(), BeamTuning(symbol_bonuses=for_a))
    )
    assert plain.words == raised.words
    assert plain.score < raised.score


def test_bonuses_for_other_symbols_are_refused() -> None:
    with pytest.raises(ValueError, match="symbol_bonuses must have a number for each symbol"):
        BeamDecoder(SMALL, BLANK_ID, tuning=BeamTuning(symbol_bonuses=(0.0, 0.0)))


@pytest.mark.parametrize(("beam_width", "nbest"), [(0, 1), (1, 0)])
def test_a_search_for_nothing_is_refused(beam_width: int, nbest: int) -> None:
    with pytest.raises(ValueError, match="positive"):
        BeamDecoder(VOCABULARY, BLANK_ID, beam_width, nbest)
