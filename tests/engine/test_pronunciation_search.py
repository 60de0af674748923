"""The search over pronounced words, against all sequences of words and all paths."""

import math
from itertools import groupby, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from service.engine.boosting import build_boosts
from service.engine.language_model import LanguageModel, ShallowFusion, indifferent_model
from service.engine.options import BoostPhrase
from service.engine.pronouncing import PronouncedState, PronunciationDecoder
from service.engine.pronunciation_beams import nothing_said
from service.engine.pronunciation_search import complete_texts, search_pronunciations
from service.engine.pronunciation_step import Judges
from service.engine.pruning import Pruning
from service.engine.said_boosts import SaidBoosts, build_said_boosts
from service.engine.tries import ROOT, find_child
from service.engine.vocabulary import Vocabulary
from tests.engine.boost_samples import boost_of
from tests.engine.ctc_samples import cut, log_probs, places
from tests.engine.ngram_samples import ngram_trie, score_text
from tests.engine.pronounced_samples import (
    LETTERS,
    LEXICON,
    PHONEMES,
    pronunciations_of,
    said,
    speaking_model,
)

many = settings(deadline=None, max_examples=40)
EXHAUSTIVE = Pruning(
    beam_width=10_000,
    beam_margin=math.inf,
    symbol_margin=math.inf,
    max_symbols=99,
    sure_blank=math.inf,
    blank_id=0,
    capacity=0,
)
SURE = 1 - 1e-12  # posterior of which beams have nothing but what is right
WEIGHT, LM_WEIGHT, WORD_BONUS = 0.7, 1.3, 0.4
MODEL = speaking_model()
SAID = pronunciations_of(MODEL)
FUSION = ShallowFusion(MODEL, LM_WEIGHT, WORD_BONUS)
VOCABULARY = Vocabulary(LETTERS, blank_id=0)
boosted = st.lists(
    st.builds(BoostPhrase, st.sampled_from(["a", "b", "aa b", "ab c", "c c b"]), st.floats(-4, 6)),
    max_size=4,
    unique_by=lambda phrase: phrase.text,
).map(tuple)


def said_boosts(*phrases: BoostPhrase) -> SaidBoosts:
    return build_said_boosts(build_boosts(phrases, VOCABULARY), phrases, VOCABULARY, FUSION)


def all_scores(
    frames: NDArray[np.float32], phrases: tuple[BoostPhrase, ...]
) -> dict[tuple[str, ...], float]:
    """The score of every sequence of words that can be heard in the frames."""
    sounds: dict[tuple[int, ...], float] = {}
    for path in product(range(len(PHONEMES)), repeat=len(frames)):
        log_prob = float(frames[np.arange(len(path)), list(path)].sum(dtype=np.float64))
        if log_prob > -math.inf:
            phonemes = tuple(symbol for symbol, _ in groupby(path) if symbol)
            sounds[phonemes] = float(np.logaddexp(sounds.get(phonemes, -math.inf), log_prob))
    scores = {}
    for count in range(len(frames) + 1):
        for words in product(LEXICON, repeat=count):
            phonemes = tuple(phoneme for word in words for phoneme in LEXICON[word])
            if phonemes in sounds:
                text = " ".join(words)
                fused = LM_WEIGHT * score_text(MODEL, text) + WORD_BONUS * count
                scores[words] = WEIGHT * sounds[phonemes] + fused + boost_of(text, phrases)
    return scores


@many
@given(frames=log_probs(max_frames=4, vocabulary_size=len(PHONEMES)), phrases=boosted)
def test_without_pruning_every_text_has_its_score(
    frames: NDArray[np.float32], phrases: tuple[BoostPhrase, ...]
) -> None:
    boosts = said_boosts(*phrases)
    judges = Judges(SAID, MODEL.arrays.ngrams, WEIGHT, LM_WEIGHT, WORD_BONUS, boosts)
    found = search_pronunciations(judges, EXHAUSTIVE, nothing_said(MODEL.start()), frames)
    texts: dict[tuple[str, ...], float] = {}
    for slot, last, score in zip(*complete_texts(judges, found, most=10_000), strict=True):
        count = found.heads["num_words"][slot]
        numbers = [*found.words[slot, :count], *([last] if last >= 0 else [])]
        words = tuple(MODEL.vocabulary[number] for number in numbers)
        assert words not in texts
        if score > -math.inf:
            texts[words] = score
    assert texts == pytest.approx(all_scores(frames, phrases), abs=1e-5)


def decoder_of(width: int, *phrases: BoostPhrase) -> PronunciationDecoder:
    boosts = said_boosts(*phrases)
    return PronunciationDecoder(FUSION, WEIGHT, width, boosts)


def texts_of(
    frames: list[NDArray[np.float32]], width: int = 8
) -> tuple[list[list[str]], PronouncedState]:
    decoder = decoder_of(width)
    state = decoder.start()
    for piece in frames:
        state = decoder.advance(state, piece)
    return decoder.texts(state, 5), state


@many
@given(frames=log_probs(vocabulary_size=len(PHONEMES)), cuts=places)
def test_any_cutting_gives_the_same_texts(frames: NDArray[np.float32], cuts: list[int]) -> None:
    whole, _ = texts_of([frames])
    in_pieces, _ = texts_of(cut(frames, cuts))
    assert in_pieces == whole


def test_what_sounds_alike_is_told_apart_by_the_words_before() -> None:
    alone, _ = texts_of([said("-A-", 0.99)])
    assert alone[0] == ["a"]
    after_another, _ = texts_of([said("-AB--A-", 0.99)])
    assert after_another[0] == ["ab", "aa"]


def test_a_phoneme_that_is_said_twice_needs_a_blank_between() -> None:
    twice, _ = texts_of([said("-B-B-", 0.99)])
    once, _ = texts_of([said("-BBB-", 0.99)])
    assert "".join(twice[0]).count("b") == 2
    assert "".join(once[0]).count("b") == 1


def test_words_that_all_hypotheses_share_are_settled_and_few_are_kept() -> None:
    _, state = texts_of([said("-C-C--", SURE)] * 200)
    assert len(state.words) >= 398
    assert state.hypotheses.words.shape[1] <= 2


def test_settled_words_begin_every_later_text() -> None:
    decoder = decoder_of(8)
    state = decoder.start()
    settled: list[list[str]] = []
    for piece in np.split(said("-C-A--B-B--C-B--A-" * 5, SURE), 18):
        state = decoder.advance(state, piece)
        settled.append(decoder.settled(state))
    text = decoder.texts(state, 1)[0]
    assert all(text[: len(words)] == words for words in settled)
    assert len(settled[-1]) > 5


def test_before_any_frame_nothing_is_said() -> None:
    decoder = decoder_of(1)
    assert decoder.whole_words(decoder.start()) == []
    assert decoder.texts(decoder.start(), 3) == [[]]


def decoder_of_two_words() -> PronunciationDecoder:
    """Its words are "c" and "ab"; A alone is none."""
    trie = ngram_trie({("<unk>",): 0.1, ("c",): 0.5, ("ab",): 0.4})
    lexicon = {word: LEXICON[word] for word in ("c", "ab")}
    fusion = ShallowFusion(LanguageModel(trie, LETTERS, lexicon, len(PHONEMES)), 1.0, 0.0)
    boosts = build_said_boosts(build_boosts((), VOCABULARY), (), VOCABULARY, fusion)
    return PronunciationDecoder(fusion, WEIGHT, 1, boosts)


def test_in_mid_word_whole_words_are_given() -> None:
    decoder = decoder_of_two_words()
    state = decoder.advance(decoder.start(), said("-C--A-", SURE))
    assert decoder.texts(state, 3) == []
    assert decoder.whole_words(state) == ["c"]
    state = decoder.advance(state, said("-B-", SURE))
    assert decoder.texts(state, 3) == [["c", "ab"]]


def test_a_model_that_cannot_say_its_words_is_refused() -> None:
    with pytest.raises(ValueError, match="does not know how its words are said"):
        PronunciationDecoder(
            ShallowFusion(indifferent_model(), 1.0, 0.0),
            1.0,
            8,
            said_boosts(),
        )


def test_a_boosted_word_is_found_in_a_narrow_beam() -> None:
    frames = said("-A--BBC-", posterior=0.4)
    unboosted, boosted = decoder_of(3), decoder_of(3, BoostPhrase("ab", 3.0))
    assert unboosted.texts(unboosted.advance(unboosted.start(), frames), 1) == [["b"]]
    assert boosted.texts(boosted.advance(boosted.start(), frames), 1) == [["ab"]]


def test_a_boosted_word_is_expected_the_more_the_more_of_it_is_said() -> None:
    unboosted = said_boosts()
    boosted = said_boosts(BoostPhrase("ab b", 4.0))
    first = find_child(SAID.trie, ROOT, 1)
    last = find_child(SAID.trie, first, 2)
    alone = LM_WEIGHT * math.log(0.15) + WORD_BONUS
    assert boosted.expected[first] == pytest.approx(alone + 4.0 / 8, abs=0.01)
    assert boosted.expected[last] == pytest.approx(alone + 4.0, abs=0.01)
    assert (boosted.expected != unboosted.expected).sum() == 2


def test_streams_that_boost_nothing_share_what_they_expect() -> None:
    first, second = (said_boosts() for _ in range(2))
    assert first.expected is second.expected


def test_impossible_frames_say_nothing() -> None:
    frames = np.full((3, len(PHONEMES)), -np.inf, np.float32)
    texts, _ = texts_of([frames])
    assert texts == [[]]


def test_a_frame_that_fits_nothing_is_passed_over() -> None:
    decoder = decoder_of_two_words()
    only_c = np.full((1, len(PHONEMES)), -np.inf, np.float32)
    only_c[0, PHONEMES.index("C")] = 0.0
    frames = np.concatenate([said("-A-", SURE), only_c, said("-B-", SURE)])
    assert decoder.texts(decoder.advance(decoder.start(), frames), 1) == [["ab"]]
