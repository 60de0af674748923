"""Letters and phonemes decoded together."""

import tracemalloc
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.beam import BeamDecoder, BeamTuning
from service.engine.decoders import joint_decoder
from service.engine.decoding import CtcDecoder, Hypothesis
from service.engine.greedy import GreedyDecoder
from service.engine.joint_beam import JointDecoder
from service.engine.language_model import ShallowFusion
from service.engine.options import BoostPhrase
from service.engine.text_fit import Heard, fit_text
from service.engine.text_judge import SoundWeights
from service.engine.text_scores import Sounds, Texts, score_texts
from service.engine.vocabulary import Vocabulary
from tests.engine.ctc_samples import cut, decoded, log_probs, places, read
from tests.engine.ngram_samples import score_text
from tests.engine.pronounced_samples import LETTERS, LEXICON, PHONEMES, heard, speaking_model

many = settings(deadline=None, max_examples=30)
MODEL = speaking_model()
LM_WEIGHT, WORD_BONUS, OOV_LETTER = 0.8, 0.3, -1.5
WEIGHTS = SoundWeights(letters=0.4, phonemes=0.7)


def decoder(
    nbest: int = 1,
    boosts: tuple[BoostPhrase, ...] = (),
    weights: SoundWeights = WEIGHTS,
) -> JointDecoder:
    fusion = ShallowFusion(MODEL, LM_WEIGHT, WORD_BONUS, OOV_LETTER)
    tuning = BeamTuning(fusion=fusion, boosts=boosts)
    return joint_decoder(Vocabulary(LETTERS, 0), tuning, weights, beam_width=16, nbest=nbest)


def readings(frames: NDArray[np.float32], by: JointDecoder) -> list[Hypothesis]:
    return list(by.hypotheses(decoded(by, [frames])))


joint_frames = st.tuples(
    log_probs(max_frames=20, vocabulary_size=len(LETTERS)),
    log_probs(max_frames=20, vocabulary_size=len(PHONEMES)),
).map(lambda parts: np.hstack([part[: min(map(len, parts))] for part in parts]))


@many
@given(frames=joint_frames, cuts=places)
def test_any_cutting_gives_the_same(frames: NDArray[np.float32], cuts: list[int]) -> None:
    joint = decoder(nbest=3)
    whole, in_pieces = decoded(joint, [frames]), decoded(joint, cut(frames, cuts))
    assert joint.hypotheses(in_pieces) == joint.hypotheses(whole)
    assert joint.partial(in_pieces) == joint.partial(whole)


@many
@given(frames=joint_frames, cuts=places)
def test_stable_words_begin_every_later_text(frames: NDArray[np.float32], cuts: list[int]) -> None:
    joint, state = decoder(), decoder().start()
    stable = ""
    for piece in cut(frames, cuts):
        state = joint.advance(state, read(piece))
        partial = joint.partial(state)
        assert f"{partial.text} ".startswith(f"{partial.stable} ".lstrip())
        assert f"{partial.stable} ".startswith(f"{stable} ".lstrip())
        stable = partial.stable
    text = joint.hypotheses(state)[0].text
    assert f"{text} ".startswith(f"{stable} ".lstrip())


def test_the_score_is_what_letters_phonemes_and_words_say() -> None:
    frames = heard("-ab- c--", "-AB--C--", posterior=0.7)
    best = readings(frames, decoder())[0]
    assert best.text == "ab c"
    posteriors = np.exp(frames, dtype=np.float64)
    letters = np.array([LETTERS.index(letter) for letter in best.text], np.int32)
    phonemes = np.array([*LEXICON["ab"], *LEXICON["c"]], np.int32)
    spelling = fit_text(Heard(posteriors[:, : len(LETTERS)].copy(), 0, 1), letters)
    saying = fit_text(Heard(posteriors[:, len(LETTERS) :].copy(), 0, -1), phonemes)
    words = LM_WEIGHT * score_text(MODEL, best.text) + 2 * WORD_BONUS
    expected = WEIGHTS.letters * spelling + WEIGHTS.phonemes * saying + words
    assert best.score == pytest.approx(expected, abs=1e-4)


def test_sounds_correct_what_is_spelled_wrong() -> None:
    frames = heard("-ca- c--", "-AB--C--", posterior=0.97)
    assert readings(frames, decoder())[0].text == "ab c"


def test_spelling_tells_apart_what_sounds_alike() -> None:
    assert readings(heard("-a--", "-A--", 0.97), decoder())[0].text == "a"
    assert readings(heard("-a-a", "-A--", 0.97), decoder())[0].text == "aa"


def test_a_word_without_a_pronunciation_comes_out_by_its_letters() -> None:
    frames = heard("-cab-cab-c--", "-B-C-A-B-C--", posterior=0.97)
    spells = decoder(weights=SoundWeights(letters=1.0, phonemes=0.2))
    assert readings(frames, spells)[0].text == "cabcabc"


def test_a_boosted_word_is_found() -> None:
    frames = heard("-cb--", "-C-A-", posterior=0.5)
    assert readings(frames, decoder())[0].text != "cb"
    boosted = decoder(boosts=(BoostPhrase("cb", 6.0),))
    assert readings(frames, boosted)[0].text == "cb"


def test_a_boosted_word_that_nobody_knows_is_heard_by_rule() -> None:
    frames = heard("-aaaa-", "-C-BA-", posterior=0.5)
    assert "cba" not in readings(frames, decoder())[0].text
    assert readings(frames, decoder(boosts=(BoostPhrase("cba", 6.0),)))[0].text == "cba"


def test_words_have_the_times_of_their_letters() -> None:
    words = readings(heard("--ab-- -c-", "--AB---C--", 0.9), decoder())[0].words
    assert [(word.text, word.start_frame, word.end_frame) for word in words] == [
        ("ab", 2, 4),
        ("c", 8, 9),
    ]
    late = readings(heard("-" * 100 + "ab--", "-" * 100 + "AB--", 0.9), decoder())[0].words
    assert [(word.text, word.start_frame, word.end_frame) for word in late] == [("ab", 100, 102)]


def test_a_word_that_is_disputed_is_less_sure() -> None:
    agreed = readings(heard("-ab--", "-AB--", 0.9), decoder())[0].words[0]
    disputed = readings(heard("-ab--", "-CB--", 0.9), decoder())[0].words[0]
    assert disputed.confidence < 0.9 * agreed.confidence


def test_letters_that_cannot_be_heard_are_none_even_where_they_weigh_nothing() -> None:
    words = BeamDecoder(LETTERS, 0, tuning=BeamTuning(fusion=ShallowFusion(MODEL, 1.0, 0.0))).words
    posteriors = np.exp(heard("a", "A"), dtype=np.float64)
    spelled, said = np.hsplit(posteriors, [len(LETTERS)])
    sounds = Sounds(Heard(spelled.copy(), 0, 1), Heard(said.copy(), 0, -1), 0.0, 1.0)
    twice, once = np.array([2, 2], np.int32), np.array([1], np.int32)  # "aa", which sounds like "a"
    texts = Texts(twice, np.array([2]), once, np.array([1]))
    assert (score_texts(words, MODEL.start(), sounds, texts) == -np.inf).all()


def test_as_many_readings_as_are_wanted() -> None:
    found = readings(heard("-ab- c--", "-AB--C--", 0.5), decoder(nbest=4))
    assert len(found) == 4
    assert len({reading.text for reading in found}) == 4
    assert [reading.score for reading in found] == sorted((r.score for r in found), reverse=True)


def test_nothing_heard_is_no_words() -> None:
    joint = decoder()
    assert joint.hypotheses(joint.start())[0].words == ()
    assert joint.partial(joint.start()).text == ""
    impossible = np.full((4, len(LETTERS) + len(PHONEMES)), -np.inf, np.float32)
    assert readings(impossible, joint)[0].words == ()


def test_endless_silence_costs_no_memory() -> None:
    joint, silence = decoder(), heard("-" * 50, "-" * 50)
    state = decoded(joint, [silence] * 4)
    tracemalloc.start()
    try:
        for _ in range(200):
            state = joint.advance(state, read(silence))
        assert tracemalloc.get_traced_memory()[0] < 200_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("alone", [GreedyDecoder(LETTERS, 0), BeamDecoder(LETTERS, 0)])
def test_letters_alone_are_decoded_whatever_phonemes_stand_beside_them(
    alone: GreedyDecoder | BeamDecoder,
) -> None:
    frames = heard("-ab- c--", "-CC-CCCC", posterior=0.7)
    whole: CtcDecoder[Any] = alone
    letters = decoded(whole, [frames[:, : len(LETTERS)]])
    assert whole.hypotheses(decoded(whole, [frames])) == whole.hypotheses(letters)
    assert whole.hypotheses(letters)[0].text == "ab c"
