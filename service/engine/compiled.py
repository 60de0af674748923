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
    return _compiled(function, nogil=True)


def brief(function: F) -> F:
    """The same for what takes less time than it does to get the lock back: it keeps it."""
    return _compiled(function)


def borrowing(function: F) -> F:
    """As `brief`, for functions that only borrow arrays: they make none, keep none, return none.

    Compiled code counts the references to an array wherever it hands one on, in an atomic
    operation each: that was half the time of the searches, and more while two threads counted those
    to the same language model. Here nothing is counted. What would make an array does not compile.
    """
    return _compiled(function, _nrt=False)  # as `numba.extending.register_jitable` describes it


def _compiled(function: F, **options: Any) -> F:
    try:
        return cast(F, njit(cache=True, error_model="numpy", **options)(function))
    except RuntimeError as error:  # there is no folder to keep it in
        logger.warning("%s; it is compiled anew by every process", error)
        return cast(F, njit(error_model="numpy", **options)(function))


def warm_up() -> None:
    """Compile everything, or load what is compiled already: a caller need not wait for it then."""
    import numpy as np

    from service.engine.beam import BeamTuning
    from service.engine.decoders import joint_decoder
    from service.engine.frames import FrameReader
    from service.engine.language_model import ShallowFusion, indifferent_model
    from service.engine.pcm import MIN_SAMPLE_RATE, PcmDecoder
    from service.engine.text_judge import SoundWeights
    from service.engine.vocabulary import Vocabulary

    symbols, lexicon = ("<blank>", " ", "a"), {"a": b"\1"}
    fusion = ShallowFusion(indifferent_model(["a"], symbols, lexicon, num_phonemes=2), 1.0, 0.0)
    tuning, weights = BeamTuning(fusion=fusion), SoundWeights(letters=0.5, phonemes=0.5)
    vocabulary = Vocabulary(symbols, blank_id=0)
    decoder = joint_decoder(vocabulary, tuning, weights, beam_width=4, nbest=1)
    log_probs = np.log(np.full((1, 33, 5), 0.4, np.float32))  # more than one commit
    (frames,) = FrameReader(symbols, 0).read(log_probs)
    state = decoder.advance(decoder.start(), frames)
    decoder.partial(state)
    decoder.hypotheses(state)
    PcmDecoder("pcm_s16le", MIN_SAMPLE_RATE, MIN_SAMPLE_RATE).feed(bytes(2))


if __name__ == "__main__":
    warm_up()
