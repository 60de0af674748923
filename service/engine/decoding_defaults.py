"""How a bundle's makers decode with it: the defaults in `bundle.json`, checked."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from service.engine.calibration import Calibration, parse_calibration
from service.engine.options import DECODERS, MAX_BEAM_WIDTH, MAX_LM_WEIGHT, MAX_WORD_BONUS

MAX_LETTER_COST: Final = 20.0  # nats
MAX_PRIOR_WEIGHT: Final = 2.0
MAX_SOUND_WEIGHT: Final = 5.0
OOV_LETTER_LOG_PROB: Final = -2.3
"""ln probability of a letter of a word that the language model does not know, unless tuned."""


@dataclass(frozen=True, slots=True)
class DecodingDefaults:
    """How the bundle's makers decode with it."""

    decoder: str
    beam_width: int
    tuned_on: str | None = None  # the set that the values were chosen on
    lm_weight: float = 0.0  # of the language model, if there is one
    word_bonus: float = 0.0  # nats a word
    oov_letter_log_prob: float = OOV_LETTER_LOG_PROB
    prior_weight: float = 0.0  # power of the symbols' priors that posteriors are divided by
    log_priors: tuple[float, ...] = ()  # ln of each symbol's mean posterior
    letter_weight: float = 0.0  # of the letters, where phonemes are decoded beside them
    phoneme_weight: float = 0.0  # of the phonemes; 0: letters are decoded alone
    calibration: Mapping[str, Calibration] = field(default_factory=dict)  # by decoder


def parse_decoding(description: Mapping[str, Any], num_symbols: int) -> DecodingDefaults:
    """Read them. Raises KeyError, TypeError and ValueError, which say what is wrong."""
    defaults = DecodingDefaults(
        typed(description, "decoder", str),
        typed(description, "beam_width", int),
        description["tuned_on"],
        _number(description, "lm_weight", (0.0, MAX_LM_WEIGHT), 0.0),
        _number(description, "word_bonus", (-MAX_WORD_BONUS, MAX_WORD_BONUS), 0.0),
        _number(description, "oov_letter_log_prob", (-MAX_LETTER_COST, 0.0), OOV_LETTER_LOG_PROB),
        _number(description, "prior_weight", (0.0, MAX_PRIOR_WEIGHT), 0.0),
        tuple(map(float, description.get("log_priors", ()))),
        _number(description, "letter_weight", (0.0, MAX_SOUND_WEIGHT), 0.0),
        _number(description, "phoneme_weight", (0.0, MAX_SOUND_WEIGHT), 0.0),
        {
            decoder: parse_calibration(knots)
            for decoder, knots in description.get("calibration", {}).items()
        },
    )
    if defaults.decoder not in DECODERS:
        raise ValueError(f"decoder is {defaults.decoder!r}; known are {', '.join(DECODERS)}")
    if len(defaults.log_priors) not in (0, num_symbols):
        raise ValueError(
            f"there are {len(defaults.log_priors)} log_priors; the vocabulary has"
            f" {num_symbols} symbols"
        )
    if not all(math.isfinite(prior) for prior in defaults.log_priors):
        raise ValueError("log_priors must be finite numbers")
    if defaults.prior_weight and not defaults.log_priors:
        raise ValueError(f"prior_weight is {defaults.prior_weight}; there are no log_priors")
    if not 1 <= defaults.beam_width <= MAX_BEAM_WIDTH:
        raise ValueError(f"beam_width is {defaults.beam_width}, not 1 to {MAX_BEAM_WIDTH}")
    return defaults


def _number(
    description: Mapping[str, Any], name: str, bounds: tuple[float, float], default: float
) -> float:
    """A field that a bundle without a language model lacks."""
    value = description.get(name, default)
    low, high = bounds
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise ValueError(f"{name} is {value!r}; it must be a number from {low} to {high}")
    return float(value)


def typed(description: Mapping[str, Any], name: str, kind: type) -> Any:
    """A field of a description. Raises KeyError and TypeError."""
    value = description[name]
    if not isinstance(value, kind) or isinstance(value, bool):
        raise TypeError(f"{name} is {value!r}; it must be of type {kind.__name__}")
    return value
