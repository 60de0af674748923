"""What can be asked of the engine: once for its run, and for each stream. Checked when made."""

from dataclasses import dataclass
from enum import Enum
from typing import Final, Literal, TypeAlias, get_args

from service.engine.errors import InvalidOption

Provider: TypeAlias = Literal["auto", "cpu", "cuda"]
Precision: TypeAlias = Literal["auto", "float32", "float16", "int8"]

DECODERS = ("greedy", "beam")
MAX_BEAM_WIDTH = 512
MAX_LM_WEIGHT = 10.0
MAX_WORD_BONUS = 20.0  # nats, either way
MAX_BOOST_PHRASES = 200
MAX_BOOST_CHARACTERS = 100  # of one phrase
MAX_BOOST_WEIGHT = 20.0  # nats a word, either way
DEFAULT_BOOST_WEIGHT = 1.5  # nats a word
SILENCE_RANGE_S = (0.1, 60.0)
MAX_UTTERANCE_RANGE_S = (1.0, 600.0)
NO_DELAY_LIMIT_MS: Final = 1e6  # no step is so late: what measures a machine is never refused


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise InvalidOption(f"{name} is {value!r}; it must be one of {', '.join(choices)}")


def _check_range(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:  # so written, NaN is refused too
        raise InvalidOption(f"{name} is {value}; it must be between {low} and {high}")


class Priority(Enum):
    """Whose steps go first."""

    LIVE = "live"  # somebody is speaking and waits
    BULK = "bulk"  # a file; it gets a guaranteed share


@dataclass(frozen=True, slots=True)
class Endpointing:
    """When an utterance ends. The rules are in `endpointing.py`.

    Raises:
        InvalidOption: a duration is out of range.
    """

    silence_s: float = 1.0  # of silence after speech that ends an utterance
    max_utterance_s: float = 30.0  # an utterance is never longer

    def __post_init__(self) -> None:
        _check_range("silence_s", self.silence_s, *SILENCE_RANGE_S)
        _check_range("max_utterance_s", self.max_utterance_s, *MAX_UTTERANCE_RANGE_S)


@dataclass(frozen=True, slots=True)
class BoostPhrase:
    """Words, perhaps unknown to the language model, that this stream is likely to have.

    Raises:
        InvalidOption: the text is empty or too long, or the weight is out of range.
    """

    text: str  # in the model's symbols, words separated by single spaces
    weight: float = DEFAULT_BOOST_WEIGHT  # nats each of its words adds; negative makes it rarer

    def __post_init__(self) -> None:
        if not self.text or self.text != " ".join(self.text.split()):
            raise InvalidOption(f"boost phrase {self.text!r} must be words with single spaces")
        _check_range(
            f"length of boost phrase {self.text!r:.120}", len(self.text), 1, MAX_BOOST_CHARACTERS
        )
        _check_range(
            f"weight of boost phrase {self.text!r}",
            self.weight,
            -MAX_BOOST_WEIGHT,
            MAX_BOOST_WEIGHT,
        )


@dataclass(frozen=True, slots=True)
class RecognitionOptions:
    """How one stream is to be recognised.

    Raises:
        InvalidOption: a value is unknown or out of range; the message names it.
    """

    decoder: str = "greedy"
    beam_width: int = 16  # of the beam decoder
    nbest: int = 1  # readings of a segment, its text included; greedy has one only
    lm_weight: float | None = None  # of the language model; None: the bundle's
    word_bonus: float | None = None  # nats a word, beside the language model; None: the bundle's
    boost: tuple[BoostPhrase, ...] = ()  # of the beam decoder
    endpointing: Endpointing = Endpointing()
    numerals: bool = False  # whether the numbers of a segment are written in digits

    def __post_init__(self) -> None:
        _check_choice("decoder", self.decoder, DECODERS)
        _check_range("beam_width", self.beam_width, 1, MAX_BEAM_WIDTH)
        _check_range("nbest", self.nbest, 1, self.beam_width)
        if self.lm_weight is not None:
            _check_range("lm_weight", self.lm_weight, 0.0, MAX_LM_WEIGHT)
        if self.word_bonus is not None:
            _check_range("word_bonus", self.word_bonus, -MAX_WORD_BONUS, MAX_WORD_BONUS)
        _check_range("number of boost phrases", len(self.boost), 0, MAX_BOOST_PHRASES)


@dataclass(frozen=True, slots=True)
class RuntimeOptions:
    """How a recognizer runs.

    Raises:
        InvalidOption: a value is unknown or out of range; the message names it.
    """

    provider: Provider = "auto"  # auto: CUDA where it is there
    precision: Precision = "auto"  # int8 on a CPU where the bundle has it, else float32
    require_gpu: bool = False  # refuse to run anywhere else
    num_workers: int = 2  # batches that run at once
    max_batch_size: int = 32  # streams in one batch
    max_batch_audio_s: float = 20.5  # of all streams in one batch: what fits a core's cache
    max_streams: int = 512  # open at once; further ones are refused
    max_delay_ms: float = 100.0  # of live steps on average; beyond it further streams are refused

    def __post_init__(self) -> None:
        _check_choice("provider", self.provider, get_args(Provider))
        _check_choice("precision", self.precision, get_args(Precision))
        _check_range("num_workers", self.num_workers, 1, 64)
        _check_range("max_batch_size", self.max_batch_size, 1, 1024)
        _check_range("max_batch_audio_s", self.max_batch_audio_s, 0.0, 1e6)
        _check_range("max_streams", self.max_streams, 1, 100_000)
        _check_range("max_delay_ms", self.max_delay_ms, 1.0, NO_DELAY_LIMIT_MS)
