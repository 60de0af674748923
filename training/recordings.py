"""Whole recordings as waveforms: what is trained on, aligned and measured."""

from pathlib import Path

import numpy as np

from service.engine.audio import AudioLimits, decode_audio
from service.engine.errors import EngineError, InvalidAudio
from training.channel import Waveform


def read_waveform(audio: Path, sample_rate: int) -> Waveform:
    """The waveform [n] of a file, as the service would hear it.

    Raises InvalidAudio, naming the file, where it cannot be decoded or has no samples; OSError.
    """
    try:
        blocks = list(decode_audio(audio, sample_rate, AudioLimits()))
    except EngineError as error:
        raise InvalidAudio(f"{audio}: {error}") from error
    if not blocks:
        raise InvalidAudio(f"{audio}: it is too short to have a sample at {sample_rate} Hz")
    return np.concatenate(blocks)
