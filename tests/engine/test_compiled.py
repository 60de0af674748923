"""Compiling works wherever the service runs."""

import logging
from collections.abc import Callable
from typing import Any

import numba
import pytest

from service.engine import compiled as module


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
