"""Boosted phrases: what they add, what they must not touch, and whose they are."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.beam import BeamDecoder, BeamTuning
from service.engine.language_model import LanguageModel, ShallowFusion
from service.engine.options import BoostPhrase
from tests.engine.boost_samples import boost_of
from tests.engine.ctc_samples import BLANK_ID, VOCABULARY, log_probs, normalised, read, spelled
from tests.engine.ngram_samples import favourite_word, ngram_trie

EXHAUSTIVE = BeamTuning(
    symbol_margin=math.inf, max_symbols=99, beam_margin=math.inf, sure_blank=math.inf
)
SMALL = ("<blank>", " ", "a", "b")
many = settings(deadline=None, max_examples=40)
phrases = st.lists(
    st.builds(
        BoostPhrase,
        st.lists(st.sampled_from(["a", "b", "ab", "ba"]), min_size=1, max_size=3).map(" ".join),
        st.floats(-4, 6),
    ),
    max_size=4,
    unique_by=lambda phrase: phrase.text,
).map(tuple)


def scores(tuning: BeamTuning, frames: NDArray[np.float32]) -> dict[str, float]:
    decoder = BeamDecoder(SMALL, BLANK_ID, 10_000, 10_000, tuning)
    state = decoder.advance(decoder.start(), read(frames))
    return {hypothesis.text: hypothesis.score for hypothesis in decoder.hypotheses(state)}


def best_text(frames: NDArray[np.float32], tuning: BeamTuning) -> str:
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, tuning=tuning)
    return decoder.hypotheses(decoder.advance(decoder.start(), read(frames)))[0].text


@many
@given(frames=log_probs(max_frames=6, vocabulary_size=len(SMALL)), boosts=phrases)
def test_texts_are_credited_with_the_phrases_they_have_and_nothing_else(
    frames: NDArray[np.float32], boosts: tuple[BoostPhrase, ...]
) -> None:
    plain = scores(EXHAUSTIVE, frames)
    boosted = scores(replace(EXHAUSTIVE, boosts=boosts), frames)
    expected = {text: score + boost_of(text, boosts) for text, score in plain.items()}
    assert boosted == pytest.approx(expected, abs=1e-5)


def disputed() -> NDArray[np.float32]:
    """Speech that is "a a a" or, a little less likely, "a b a"."""
    frames = spelled("a a a", posterior=0.97)
    frames[2] = normalised(np.log([[0.02, 0.02, 0.02, 0.48, 0.46]]))[0]
    return frames


def test_a_phrase_decides_and_another_streams_phrase_does_not() -> None:
    boosted = BeamTuning(boosts=(BoostPhrase("b", 1.0),))
    assert best_text(disputed(), BeamTuning()) == "a a a"
    assert best_text(disputed(), boosted) == "a b a"
    assert best_text(disputed(), BeamTuning()) == "a a a"


def test_one_language_model_serves_streams_with_and_without_phrases() -> None:
    fusion = ShallowFusion(favourite_word("a", VOCABULARY), 0.3, 0.0, oov_letter_log_prob=-1.0)
    boosted = BeamTuning(fusion=fusion, boosts=(BoostPhrase("b", 5.0),))
    tunings = (BeamTuning(fusion=fusion), boosted)
    decoders = [BeamDecoder(VOCABULARY, BLANK_ID, tuning=tuning) for tuning in tunings]
    states = [decoder.start() for decoder in decoders]
    for frame in disputed():  # their frames interleaved
        states = [d.advance(s, read(frame[None])) for d, s in zip(decoders, states, strict=True)]
    found = [d.hypotheses(s)[0].text for d, s in zip(decoders, states, strict=True)]
    assert found == ["a a a", "a b a"]


@pytest.mark.parametrize("phrase", ["a b b", "b b", "a a b"])
def test_an_unfinished_phrase_gains_nothing(phrase: str) -> None:
    """Its first words' credit would be enough to turn the dispute."""
    boosted = BeamTuning(boosts=(BoostPhrase(phrase, 1.0),))
    assert best_text(disputed(), boosted) == "a a a"


@pytest.mark.parametrize("phrase", ["a", "b", "b a"])
@pytest.mark.parametrize("path", ["ab", "aab", "a'b", "ab ab"])
def test_neighbouring_words_are_not_torn_apart(path: str, phrase: str) -> None:
    """A boosted word inside a longer one, clearly heard, leaves it whole."""
    frames = spelled(path, posterior=0.99)
    boosted = BeamTuning(boosts=(BoostPhrase(phrase, 4.0),))
    assert best_text(frames, boosted) == best_text(frames, BeamTuning())


def test_a_boosted_word_is_as_good_as_a_known_one() -> None:
    """Its letters cost nothing, while other unknown words' do."""
    model = LanguageModel(ngram_trie({("<unk>",): 0.1, ("ab",): 0.5}), VOCABULARY)
    fusion = ShallowFusion(model, 0.5, 0.0, oov_letter_log_prob=-1.0)
    frames = spelled("ba", posterior=0.9)
    found = []
    for boosts in ((), (BoostPhrase("ba", 0.0),)):
        decoder = BeamDecoder(VOCABULARY, BLANK_ID, tuning=BeamTuning(fusion=fusion, boosts=boosts))
        hypothesis = decoder.hypotheses(decoder.advance(decoder.start(), read(frames)))[0]
        assert hypothesis.text == "ba"
        found.append(hypothesis.score)
    assert found[1] - found[0] == pytest.approx(0.5 * 2 * 1.0, abs=0.05)


def test_a_long_phrase_survives_a_narrow_beam() -> None:
    """Credit in advance keeps it among the beams until it is complete."""
    frames = spelled("b b b b", posterior=0.97)
    frames[::2] = normalised(np.log([[0.02, 0.02, 0.02, 0.62, 0.32]]))[0]
    decoder = BeamDecoder(
        VOCABULARY, BLANK_ID, 3, tuning=BeamTuning(boosts=(BoostPhrase("b b b b", 1.0),))
    )
    assert decoder.hypotheses(decoder.advance(decoder.start(), read(frames)))[0].text == "b b b b"


def test_the_beginning_of_a_lesser_phrase_does_not_hide_another() -> None:
    """After "a b b b" the text is on the way to both, and the longer beginning promises less."""
    frames = spelled("a b b b b", posterior=0.97)
    frames[2::2] = normalised(np.log([[0.02, 0.02, 0.02, 0.62, 0.32]]))[0]
    wanted, lesser = BoostPhrase("b b b b", 1.0), BoostPhrase("a b b b a", 0.01)
    for boosts in ((wanted,), (wanted, lesser)):
        decoder = BeamDecoder(VOCABULARY, BLANK_ID, 3, tuning=BeamTuning(boosts=boosts))
        state = decoder.advance(decoder.start(), read(frames))
        assert decoder.hypotheses(state)[0].text == "a b b b b"


def test_phrases_in_other_letters_are_left_out() -> None:
    boosts = (BoostPhrase("naïve", 5.0), BoostPhrase("b", 1.0))
    assert best_text(disputed(), BeamTuning(boosts=boosts)) == "a b a"


def test_many_long_phrases_are_taken() -> None:
    random = np.random.default_rng(0)
    texts = {" ".join(random.choice(["a", "b", "ab"], 30)) for _ in range(200)}
    boosts = tuple(BoostPhrase(text, 1.0) for text in texts)
    assert best_text(disputed(), BeamTuning(boosts=boosts)) == "a a a"
    one_more = BoostPhrase("b", 1.0)
    for among in ((*boosts, one_more), (one_more, *boosts)):
        assert best_text(disputed(), BeamTuning(boosts=among)) == "a b a"
