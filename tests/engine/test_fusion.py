"""Language model and boosts through the recognizer: options, defaults, streams side by side."""

import asyncio
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from service.engine.beam import BeamDecoder
from service.engine.bundle import (
    LANGUAGE_MODEL,
    LEXICON,
    load_bundle,
    sha256,
)
from service.engine.decoders import make_decoder
from service.engine.decoding_defaults import DecodingDefaults
from service.engine.errors import InvalidBundle
from service.engine.frames import FrameReader
from service.engine.greedy import GreedyDecoder
from service.engine.joint_beam import JointDecoder
from service.engine.language_model import LanguageModel
from service.engine.options import BoostPhrase, RecognitionOptions, RuntimeOptions
from service.engine.recognizer import (
    bundle_language_model,
    make_segmenter,
    run_recognizer,
    transcribe,
)
from tests.engine.ngram_samples import ngram_trie, write_ngram_file
from tests.fakes import BLANK_ID, VOCABULARY, FakeAcousticModel, fake_bundle, speak
from tests.tiny_bundle import description, write_tiny_bundle

BEAM = RecognitionOptions(decoder="beam")
WORDS = {("<unk>",): 1e-3, ("the",): 0.4, ("cat",): 0.4, ("the", "cat"): 0.9}
HEARD = "the catx"  # the model knows no "catx"


async def texts(*options: RecognitionOptions, decoding: DecodingDefaults) -> list[str]:
    """What streams with these options, at the same time, make of the same audio."""
    model = LanguageModel(ngram_trie(WORDS), VOCABULARY)
    bundle = replace(fake_bundle(), decoding=decoding)
    async with run_recognizer(bundle, FakeAcousticModel(), RuntimeOptions(), model) as recognizer:
        transcripts = await asyncio.gather(
            *(transcribe(recognizer, [speak(HEARD)], each) for each in options)
        )
    return [transcript.text for transcript in transcripts]


async def test_options_win_over_the_bundles_defaults() -> None:
    tuned = DecodingDefaults("beam", 16, lm_weight=1.5)
    options = (BEAM, replace(BEAM, lm_weight=0.0), RecognitionOptions(decoder="greedy"))
    assert await texts(*options, decoding=tuned) == ["the cat", HEARD, HEARD]


async def test_priors_are_divided_out_beside_a_language_model_alone() -> None:
    often = tuple(0.0 if symbol == "x" else -20.0 for symbol in VOCABULARY)
    tuned = DecodingDefaults(
        "beam", 16, lm_weight=0.01, oov_letter_log_prob=0.0, prior_weight=1.0, log_priors=often
    )
    options = (BEAM, replace(BEAM, lm_weight=0.0), RecognitionOptions(decoder="greedy"))
    assert await texts(*options, decoding=replace(tuned, prior_weight=0.0)) == [HEARD] * 3
    assert await texts(*options, decoding=tuned) == [HEARD.replace("x", ""), HEARD, HEARD]


async def test_an_unknown_word_comes_out_by_its_letters() -> None:
    mild = DecodingDefaults("beam", 16, lm_weight=0.3, oov_letter_log_prob=-1.0)
    assert await texts(BEAM, decoding=mild) == [HEARD]


async def test_phrases_stay_with_their_stream() -> None:
    tuned = DecodingDefaults("beam", 16, lm_weight=1.5)
    boosted = replace(BEAM, boost=(BoostPhrase("the catx", 4.0),))
    assert await texts(BEAM, boosted, BEAM, decoding=tuned) == ["the cat", HEARD, "the cat"]


@pytest.mark.parametrize(("boost", "width"), [((), 16), ((BoostPhrase("zz"),), 24)])
def test_a_beam_with_phrases_has_room_for_them(boost: tuple[BoostPhrase, ...], width: int) -> None:
    segmenter = make_segmenter(fake_bundle(), None, replace(BEAM, boost=boost))
    log_probs = np.full((1, 8, len(VOCABULARY)), -np.log(len(VOCABULARY)), np.float32)
    (undecided,) = FrameReader(VOCABULARY, BLANK_ID).read(log_probs)
    state, _ = segmenter.advance(segmenter.start(), undecided)
    assert len(state.decoder.beams.texts) == width


async def test_a_word_bonus_needs_no_language_model() -> None:
    async with run_recognizer(fake_bundle(), FakeAcousticModel(), RuntimeOptions()) as recognizer:
        found = [
            (await transcribe(recognizer, [speak("ab")], replace(BEAM, word_bonus=bonus))).text
            for bonus in (0.0, 20.0, -20.0)
        ]
    assert found[0] == "ab"
    assert len(found[1].split()) > 1
    assert found[2] == ""


def test_a_bundle_carries_its_language_model(tmp_path: Path) -> None:
    write_ngram_file(ngram_trie({("<unk>",): 0.1, ("ab",): 0.5}), tmp_path / LANGUAGE_MODEL)
    write_tiny_bundle(tmp_path)
    digest = sha256(tmp_path / LANGUAGE_MODEL)
    files = {**load_bundle(tmp_path).files, LANGUAGE_MODEL: digest}
    bundle = load_bundle(write_tiny_bundle(tmp_path, files=files))
    model = bundle_language_model(bundle)
    assert model is not None
    assert model.knows("ab")
    assert not model.knows("ba")


def test_a_bundle_carries_its_lexicon(tmp_path: Path) -> None:
    bundle = load_bundle(write_speaking_bundle(tmp_path))
    model = bundle_language_model(bundle)
    assert model is not None
    assert model.lexicon == {"ab": b"\1\2"}
    assert model.pronunciations is not None
    assert bundle.num_outputs == len(bundle.vocabulary) + 3


def test_a_lexicon_of_other_phonemes_is_refused(tmp_path: Path) -> None:
    bundle = load_bundle(write_speaking_bundle(tmp_path, "ab A X\n"))
    with pytest.raises(InvalidBundle, match=r"lexicon\.txt, line 1"):
        bundle_language_model(bundle)


def test_phonemes_are_decoded_where_the_bundle_weighs_them(tmp_path: Path) -> None:
    bundle = load_bundle(write_speaking_bundle(tmp_path))
    model = bundle_language_model(bundle)
    silent = replace(bundle, decoding=replace(bundle.decoding, phoneme_weight=0.0))
    without_model = replace(BEAM, lm_weight=0.0)
    assert isinstance(make_decoder(bundle, model, BEAM), JointDecoder)
    assert isinstance(make_decoder(silent, model, BEAM), BeamDecoder)
    assert isinstance(make_decoder(bundle, model, without_model), BeamDecoder)
    assert isinstance(make_decoder(bundle, None, BEAM), BeamDecoder)
    assert isinstance(make_decoder(bundle, model, RecognitionOptions()), GreedyDecoder)


def write_speaking_bundle(folder: Path, lexicon: str = "ab A B\n") -> Path:
    """A bundle with a language model, phonemes and a lexicon."""
    write_ngram_file(ngram_trie({("<unk>",): 0.1, ("ab",): 0.5}), folder / LANGUAGE_MODEL)
    (folder / LEXICON).write_text(lexicon, encoding="utf-8")
    write_tiny_bundle(folder)
    digests = {name: sha256(folder / name) for name in (LANGUAGE_MODEL, LEXICON)}
    weights = {"lm_weight": 1.0, "letter_weight": 0.3, "phoneme_weight": 0.7}
    return write_tiny_bundle(
        folder,
        files={**load_bundle(folder).files, **digests},
        phonemes=["<blank>", "A", "B"],
        decoding={**description("")["decoding"], **weights},
    )


def test_a_bundle_without_one_has_none(tmp_path: Path) -> None:
    assert bundle_language_model(load_bundle(write_tiny_bundle(tmp_path))) is None


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({"lm_weight": -1}, "lm_weight is -1"),
        ({"lm_weight": "high"}, "lm_weight is 'high'"),
        ({"word_bonus": 1e9}, "word_bonus is 1000000000.0"),
        ({"oov_letter_log_prob": 1.0}, "oov_letter_log_prob is 1.0"),
        ({"word_bonus": True}, "word_bonus is True"),
        ({"prior_weight": -0.1}, "prior_weight is -0.1"),
        ({"prior_weight": 0.3}, "prior_weight is 0.3; there are no log_priors"),
        ({"log_priors": [0.0, -1.0, float("inf"), 0.0]}, "log_priors must be finite"),
        ({"phoneme_weight": 0.7}, "phoneme_weight is 0.7; there are no phonemes"),
        ({"letter_weight": -0.1}, "letter_weight is -0.1"),
        ({"phoneme_weight": "much"}, "phoneme_weight is 'much'"),
        ({"log_priors": [0.0]}, "there are 1 log_priors; the vocabulary has"),
        ({"log_priors": ["x"]}, "could not convert string to float"),
    ],
)
def test_wrong_defaults_are_named(tmp_path: Path, changes: dict[str, object], cause: str) -> None:
    decoding = {**description("")["decoding"], **changes}
    with pytest.raises(InvalidBundle, match=cause):
        load_bundle(write_tiny_bundle(tmp_path, decoding=decoding))
