"""Who speaks a sentence, and how: drawn anew for each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

ENGINE_SHARES = {"espeak": 0.4, "flite": 0.3, "festival": 0.3}

# Resampling by such a factor moves pitch and formants together, as another length of the vocal
# tract does: the few voices of flite and festival become speakers of their own.
TRACTS = (0.88, 0.94, 1.0, 1.06, 1.12, 1.18)
_TRACT_SHARES = (0.1, 0.2, 0.3, 0.2, 0.1, 0.1)
_MIN_RATE, _MAX_RATE = 0.8, 1.3
_SEMITONES_DEVIATION = 2.0
_MIN_LEVEL_DBFS, _MAX_LEVEL_DBFS = -24.0, -1.0
_MAX_SILENCE_S = 0.5


@dataclass(frozen=True, slots=True)
class Voice:
    """A voice of a synthesiser."""

    engine: str
    name: str


@dataclass(frozen=True, slots=True)
class Delivery:
    """How a sentence is spoken."""

    voice: Voice
    rate: float  # relative to the voice's own
    semitones: float  # of pitch, relative to the voice's own
    tract: float  # factor on pitch and formants
    level_dbfs: float  # of the peak
    silence_s: tuple[float, float]  # before and after

    @property
    def speaker(self) -> str:
        return f"{self.voice.engine}-{self.voice.name}-{self.tract:.2f}"


def draw_delivery(voices: Mapping[str, Sequence[str]], rng: np.random.Generator) -> Delivery:
    """A delivery by one of `voices`, the names by engine. Engines keep their shares."""
    engines = sorted(voices)
    shares = np.array([ENGINE_SHARES[engine] for engine in engines])
    engine = engines[rng.choice(len(engines), p=shares / shares.sum())]
    before_s, after_s = rng.uniform(0.0, _MAX_SILENCE_S, size=2)
    return Delivery(
        voice=Voice(engine, voices[engine][int(rng.integers(len(voices[engine])))]),
        rate=round(float(rng.uniform(_MIN_RATE, _MAX_RATE)), 3),
        semitones=round(float(rng.normal(0.0, _SEMITONES_DEVIATION)), 2),
        tract=float(rng.choice(TRACTS, p=_TRACT_SHARES)),
        level_dbfs=round(float(rng.uniform(_MIN_LEVEL_DBFS, _MAX_LEVEL_DBFS)), 2),
        silence_s=(round(float(before_s), 3), round(float(after_s), 3)),
    )
