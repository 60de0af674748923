"""A client's options to the engine's: good, edge and bad values of each."""

from dataclasses import replace

import pytest

from service.api.file_options import FileOptions
from service.api.option_parsing import parse_options
from service.api.options import DecodingOptions
from service.engine.errors import InvalidOption
from service.engine.options import (
    DEFAULT_BOOST_WEIGHT,
    MAX_BOOST_PHRASES,
    BoostPhrase,
    Endpointing,
    RecognitionOptions,
)
from tests.fakes import fake_bundle


def recognition(*pairs: tuple[str, str]) -> RecognitionOptions:
    """What the engine is asked for by a query."""
    return parse_options(pairs, FileOptions).recognition(fake_bundle())


def test_nothing_asked_for_is_the_models_defaults() -> None:
    assert recognition() == RecognitionOptions(decoder="greedy", beam_width=16)


@pytest.mark.parametrize("name", ["lm_weight", "word_bonus"])
@pytest.mark.parametrize("value", ["0", "0.5", "10"])
def test_weights_reach_the_engine_and_choose_the_beam(name: str, value: str) -> None:
    options = recognition((name, value))
    assert (options.decoder, getattr(options, name)) == ("beam", float(value))


@pytest.mark.parametrize(
    ("given", "decoder"),
    [
        ({"beam_width": "4"}, "beam"),
        ({"nbest": "2"}, "beam"),
        ({"nbest": "1"}, "greedy"),
        ({"boost": "zanzibar"}, "beam"),
        ({"decoder": "greedy", "nbest": "1"}, "greedy"),
    ],
)
def test_options_of_the_beam_choose_it(given: dict[str, str], decoder: str) -> None:
    assert recognition(*given.items()).decoder == decoder


@pytest.mark.parametrize(("nbest", "beam_width"), [("3", 16), ("16", 16), ("40", 40), ("512", 512)])
def test_more_readings_widen_the_beam(nbest: str, beam_width: int) -> None:
    options = recognition(("nbest", nbest))
    assert (options.nbest, options.beam_width) == (int(nbest), beam_width)


def test_phrases_to_boost_are_given_one_by_one() -> None:
    options = recognition(
        ("boost", "Zanzibar"), ("boost", "Dr. Who:5.5"), ("boost", "half: done"), ("boost", "no:-2")
    )
    assert options.boost == (
        BoostPhrase("zanzibar", DEFAULT_BOOST_WEIGHT),
        BoostPhrase("dr who", 5.5),
        BoostPhrase("half done", DEFAULT_BOOST_WEIGHT),
        BoostPhrase("no", -2.0),
    )


def test_as_many_phrases_as_are_allowed_are_taken() -> None:
    assert len(recognition(*[("boost", "a")] * MAX_BOOST_PHRASES).boost) == MAX_BOOST_PHRASES


def test_in_json_a_phrase_may_be_an_object() -> None:
    options = DecodingOptions.model_validate({"boost": ["a:1", {"phrase": "b", "weight": 2}]})
    assert options.recognition(fake_bundle()).boost == (BoostPhrase("a", 1), BoostPhrase("b", 2))


@pytest.mark.parametrize(("silence_s", "max_utterance_s"), [("0.1", "1"), ("60", "600")])
def test_endpointing_reaches_the_engine(silence_s: str, max_utterance_s: str) -> None:
    options = recognition(("silence_s", silence_s), ("max_utterance_s", max_utterance_s))
    assert options.endpointing == Endpointing(float(silence_s), float(max_utterance_s))


def test_what_is_not_said_of_endpointing_stays() -> None:
    assert recognition(("silence_s", "2")).endpointing == Endpointing(silence_s=2.0)


@pytest.mark.parametrize(("given", "numerals"), [("true", True), ("0", False), ("on", True)])
def test_numerals_are_switched(given: str, numerals: bool) -> None:
    assert recognition(("numerals", given)).numerals is numerals


def test_numerals_of_an_unknown_language_are_refused() -> None:
    bundle = replace(fake_bundle(), language="fi")
    with pytest.raises(InvalidOption, match="'fi'"):
        DecodingOptions(numerals=True).recognition(bundle)


@pytest.mark.parametrize(
    ("pairs", "cause"),
    [
        ([("nbest", "0")], "nbest is 0; it must be between 1 and"),
        ([("nbest", "513")], "nbest is 513"),
        ([("nbest", "5"), ("beam_width", "4")], "nbest is 5; it must be between 1 and 4"),
        ([("nbest", "2.5")], "'nbest' is '2.5'"),
        ([("nbest", "2"), ("decoder", "greedy")], "nbest needs the decoder 'beam'"),
        ([("boost", "a"), ("decoder", "greedy")], "boost needs the decoder 'beam'"),
        ([("beam_width", "4"), ("decoder", "greedy")], "beam_width needs the decoder 'beam'"),
        ([("lm_weight", "-0.1")], "lm_weight is -0.1; it must be between 0"),
        ([("lm_weight", "10.1")], "lm_weight is 10.1"),
        ([("lm_weight", "nan")], "lm_weight is nan"),
        ([("lm_weight", "1"), ("decoder", "greedy")], "lm_weight needs the decoder 'beam'"),
        ([("word_bonus", "inf")], "word_bonus is inf"),
        ([("word_bonus", "-21")], "word_bonus is -21"),
        ([("word_bonus", "much")], "'word_bonus' is 'much'"),
        ([("boost", "")], "no letters"),
        ([("boost", "route 66")], "numbers as words"),
        ([("boost", "a:21")], "weight of boost phrase 'a' is 21"),
        ([("boost", "a:nan")], "weight of boost phrase 'a' is nan"),
        ([("boost", "a")] * (MAX_BOOST_PHRASES + 1), "at most 200"),
        ([("silence_s", "0")], "silence_s is 0.0; it must be between 0.1"),
        ([("max_utterance_s", "601")], "max_utterance_s is 601"),
        ([("nbest", "1"), ("nbest", "2")], "'nbest' is given more than once"),
        ([("response_format", "doc")], "'response_format' is 'doc'.*'verbose_json'"),
        ([("channels", "left")], "'channels' is 'left'.*'separate'"),
        ([("numerals", "some")], "'numerals' is 'some'"),
        ([("stream", "perhaps")], "'stream' is 'perhaps'"),
    ],
)  # fmt: skip
def test_a_bad_value_is_named_with_what_is_allowed(
    pairs: list[tuple[str, str]], cause: str
) -> None:
    with pytest.raises(InvalidOption, match=cause):
        recognition(*pairs)


def test_what_is_told_of_many_errors_is_short() -> None:
    with pytest.raises(InvalidOption, match="There are 95 errors more") as error:
        recognition(*((f"option{number}", "1") for number in range(100)))
    assert len(str(error.value)) < 3000


@pytest.mark.parametrize("boost", [[{"phrase": "a", "volume": 2}], [{"weight": 2}], [1], "a", {}])
def test_bad_boosts_in_json_are_refused(boost: object) -> None:
    with pytest.raises(ValueError, match="boost"):
        DecodingOptions.model_validate({"boost": boost})
