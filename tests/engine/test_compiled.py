"""Compiling works wherever the service runs."""

import logging
from collections.abc import Callable
from typing import Any

import numba
import pytest

from service.engine import compiled as module
from service.engine import prefix_search
from service.engine.beam import BeamDecoder, BeamTuning
from service.engine.language_model import ShallowFusion
from service.engine.options import BoostPhrase
from tests.engine.ctc_samples import BLANK_ID, VOCABULARY, decoded, spelled
from tests.engine.ngram_samples import favourite_word


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
    search: Any = prefix_search.search
    signatures = list(search.signatures)
    fusion = ShallowFusion(favourite_word("ab", VOCABULARY), 0.5, 0.0)
    tuning = BeamTuning(fusion=fusion, boosts=(BoostPhrase("a b", 1.0),))
    decoder = BeamDecoder(VOCABULARY, BLANK_ID, 64, tuning=tuning)
    frames = spelled("a-b ab ba" * 30, posterior=0.6)
    frames.flags.writeable = False
    decoder.hypotheses(decoded(decoder, [frames[:7], frames[7:100], frames[100::2]]))
    assert search.signatures == signatures
