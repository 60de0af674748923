"""Audio without a header, as telephone systems record it: it cannot tell what it is."""

from dataclasses import dataclass
from typing import Final

from service.engine.errors import UnsupportedEncoding
from service.engine.pcm import ENCODINGS, check_pcm

_ONLY_RATES: Final = {  # Hz
    "g722": 16_000,  # though RTP says 8000 for it: RFC 3551, section 4.5.2
    "gsm": 8_000,
}
_USUAL_RATES: Final = {"mulaw": 8_000, "alaw": 8_000, **_ONLY_RATES}
_FFMPEG_NAMES: Final = {"pcm_s16le": "s16le", "pcm_f32le": "f32le"}

RAW_ENCODINGS: Final = (*ENCODINGS, *_ONLY_RATES)


@dataclass(frozen=True, slots=True)
class RawAudio:
    """How headerless mono audio is encoded.

    Raises:
        UnsupportedEncoding: the encoding is unknown, or not used with such a rate.
    """

    encoding: str  # one of RAW_ENCODINGS
    sample_rate: int  # Hz

    def __post_init__(self) -> None:
        only_rate = _ONLY_RATES.get(self.encoding)
        if only_rate is None:
            check_pcm(self.encoding, self.sample_rate)
        elif self.sample_rate != only_rate:
            raise UnsupportedEncoding(
                f"{self.encoding} has {only_rate} samples a second, not {self.sample_rate}."
            )

    @property
    def file_format(self) -> str:
        """FFmpeg's name of a file that has nothing but this."""
        return _FFMPEG_NAMES.get(self.encoding, self.encoding)

    @property
    def demuxer_options(self) -> dict[str, str]:
        """What FFmpeg has to be told to read it."""
        return {} if self.encoding in _ONLY_RATES else {"sample_rate": str(self.sample_rate)}


def raw_audio(encoding: str, sample_rate: int | None) -> RawAudio:
    """Raw audio at a rate, or where none is given at the one that goes without saying.

    Raises:
        UnsupportedEncoding: as `RawAudio`, or the rate is missing.
    """
    if encoding not in RAW_ENCODINGS:
        raise UnsupportedEncoding(
            f"The encoding {encoding!r} is not supported. Use one of {', '.join(RAW_ENCODINGS)}."
        )
    if sample_rate is None and encoding not in _USUAL_RATES:
        raise UnsupportedEncoding(f"Raw {encoding} needs a sample_rate as well.")
    return RawAudio(encoding, _USUAL_RATES[encoding] if sample_rate is None else sample_rate)
