"""Compiling the inner loops of decoding to machine code.

Numba compiles a function when it is first called, which takes seconds, and keeps the result on disk
beside the source or, where that cannot be written, in the user's cache folder or NUMBA_CACHE_DIR.
`python -m service.engine.compiled` compiles all of it at installation.
"""

import logging
from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])

logger = logging.getLogger(__name__)


def compiled(function: F) -> F:
    """The function as machine code that does not hold the interpreter's lock."""
    try:
        return cast(F, njit(cache=True, nogil=True, error_model="numpy")(function))
    except RuntimeError as error:  # there is no folder to keep it in
        logger.warning("%s; it is compiled anew by every process", error)
        return cast(F, njit(nogil=True, error_model="numpy")(function))


def warm_up() -> None:
    """Compile everything, or load what is compiled already: a caller need not wait for it then."""
    import numpy as np

    from service.engine.beam import BeamDecoder

    decoder = BeamDecoder(("<blank>", " ", "a"), blank_id=0)
    frames = np.log(np.full((33, 3), 1 / 3, np.float32))  # more than one commit
    decoder.hypotheses(decoder.advance(decoder.start(), frames))


if __name__ == "__main__":
    warm_up()
