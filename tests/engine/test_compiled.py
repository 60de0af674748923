"""Compiling works wherever the service runs."""

import logging
from collections.abc import Callable
from typing import Any

import numba
import pytest

from service.engine import (
    beam_rows,
    prefix_search,
    pronunciation_search,
    rows,
    text_fit,
    word_scores,
)
from service.engine import compiled as module
from service.engine.beam import BeamTuning
from service.engine.decoders import joint_decoder
from service.engine.language_model import ShallowFusion
from service.engine.options import BoostPhrase
from service.engine.text_judge import SoundWeights
from service.engine.vocabulary import Vocabulary
from tests.engine.ctc_samples import decoded
from tests.engine.pronounced_samples import LETTERS, heard, speaking_model


def double(number: int) -> int:
    return 2 * number


def test_without_a_folder_to_keep_it_in_code_is_compiled_all_the_same(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_folder(cache: bool = False, **options: Any) -> Callable[[Any], Any]:
        if cache:
            raise RuntimeError("cannot cache function: no locator available")
        decorate: Callable[[Any], Any] = numba.njit(**options)
        return decorate

    monkeypatch.setattr(module, "njit", no_folder)
    with caplog.at_level(logging.WARNING):
        assert module.compiled(double)(21) == 42
    assert "compiled anew by every process" in caplog.text


def test_warming_up_compiles_all_that_decoding_needs() -> None:
    """Arrays of another kind or layout would be compiled for while a caller waits."""
    module.warm_up()
    functions: list[Any] = [
        prefix_search.search,
        beam_rows.final_scores,
        pronunciation_search.search_pronunciations,
        pronunciation_search.complete_texts,
        rows.num_shared,
        text_fit.fit_text,
        text_fit.place_text,
        word_scores.score_text,
    ]
    signatures = [list(function.signatures) for function in functions]
    tuning = BeamTuning(
        fusion=ShallowFusion(speaking_model(), 0.5, 0.0),
        boosts=(BoostPhrase("a b", 1.0),),
        symbol_bonuses=(0.0, 0.1, 0.2, 0.3, 0.4),
    )
    weights = SoundWeights(0.5, 0.5)
    decoder = joint_decoder(Vocabulary(LETTERS, 0), tuning, weights, beam_width=64, nbest=3)
    frames = heard("a-b ab ba" * 30, "A-B-AB-BA" * 30, posterior=0.6)
    frames.flags.writeable = False
    state = decoded(decoder, [frames[:7], frames[7:100], frames[100::2]])
    decoder.partial(state)
    decoder.hypotheses(state)
    assert [list(function.signatures) for function in functions] == signatures
