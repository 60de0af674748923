"""How a client wants its speech decoded, in the API's terms, and what the engine makes of it."""

from pydantic import BaseModel, ConfigDict, Field

from service.api.boost import Boosts
from service.engine.bundle import Bundle
from service.engine.errors import InvalidOption
from service.engine.numerals import NUMERAL_LANGUAGES
from service.engine.options import (
    DECODERS,
    DEFAULT_BOOST_WEIGHT,
    MAX_BEAM_WIDTH,
    MAX_BOOST_PHRASES,
    MAX_BOOST_WEIGHT,
    MAX_LM_WEIGHT,
    MAX_UTTERANCE_RANGE_S,
    MAX_WORD_BONUS,
    SILENCE_RANGE_S,
    BoostPhrase,
    Endpointing,
    RecognitionOptions,
)
from service.engine.phrases import boost_phrase

_ENDPOINTING = Endpointing()
_FOR_BEAM = ("beam_width", "lm_weight", "word_bonus", "boost")


class DecodingOptions(BaseModel):
    """How to decode. Ranges are the engine's to check; here they are only described."""

    model_config = ConfigDict(extra="forbid")

    decoder: str | None = Field(
        default=None,
        description="`greedy` is the fastest, `beam` weighs many readings. Default: `beam` where "
        "one of its options is given, else the model's.",
        json_schema_extra={"enum": [*DECODERS]},
        examples=["greedy"],
    )
    beam_width: int | None = Field(
        default=None,
        description="Readings that `beam` keeps in mind. Default: the model's.",
        json_schema_extra={"minimum": 1, "maximum": MAX_BEAM_WIDTH},
        examples=[16],
    )
    nbest: int | None = Field(
        default=None,
        description="Readings of each segment to give, its text included; at most `beam_width`.",
        json_schema_extra={"minimum": 1, "maximum": MAX_BEAM_WIDTH},
        examples=[3],
    )
    lm_weight: float | None = Field(
        default=None,
        description="Weight of the language model against the sound. Default: the model's.",
        json_schema_extra={"minimum": 0, "maximum": MAX_LM_WEIGHT},
        examples=[0.5],
    )
    word_bonus: float | None = Field(
        default=None,
        description="What each word adds to a reading's score, in nats. Default: the model's.",
        json_schema_extra={"minimum": -MAX_WORD_BONUS, "maximum": MAX_WORD_BONUS},
        examples=[1.0],
    )
    boost: Boosts = Field(
        default=[],
        description="A phrase that is likely to be said, and after a colon how many nats each of "
        f"its words gains: {DEFAULT_BOOST_WEIGHT:g} unless told, at most {MAX_BOOST_WEIGHT:g}, "
        f"negative for what is unlikely. Give it again for more, up to {MAX_BOOST_PHRASES}.",
        examples=[["zanzibar", "doctor livingstone:5"]],
    )
    silence_s: float | None = Field(
        default=None,
        description="Seconds of silence after speech that end a segment. Default: "
        f"{_ENDPOINTING.silence_s:g}.",
        json_schema_extra={"minimum": SILENCE_RANGE_S[0], "maximum": SILENCE_RANGE_S[1]},
        examples=[0.8],
    )
    max_utterance_s: float | None = Field(
        default=None,
        description="No segment is longer, even where nobody pauses. Default: "
        f"{_ENDPOINTING.max_utterance_s:g}.",
        json_schema_extra={
            "minimum": MAX_UTTERANCE_RANGE_S[0],
            "maximum": MAX_UTTERANCE_RANGE_S[1],
        },
        examples=[15],
    )

    numerals: bool = Field(
        default=False,
        description='Write numbers in digits: "twenty five dollars" becomes "$25". Texts that are '
        "not final yet and other readings keep their words.",
        examples=[True],
    )

    def recognition(self, bundle: Bundle) -> RecognitionOptions:
        """The engine's options, where nothing is asked for those of the model.

        Raises:
            InvalidOption: a value is out of range, belongs to another decoder than is asked for,
                or is nothing that the model can do.
        """
        if self.numerals and bundle.language not in NUMERAL_LANGUAGES:
            raise InvalidOption(f"numerals are not known for the language {bundle.language!r}")
        nbest = 1 if self.nbest is None else self.nbest
        beam_width = self.beam_width
        if beam_width is None:
            beam_width = min(max(bundle.decoding.beam_width, nbest), MAX_BEAM_WIDTH)
        return RecognitionOptions(
            decoder=self._decoder(bundle.decoding.decoder),
            beam_width=beam_width,
            nbest=nbest,
            lm_weight=self.lm_weight,
            word_bonus=self.word_bonus,
            boost=self._boost(bundle),
            endpointing=self._endpointing(),
            numerals=self.numerals,
        )

    def _decoder(self, default: str) -> str:
        for_beam = {name: getattr(self, name) for name in _FOR_BEAM}
        for_beam["nbest"] = None if self.nbest == 1 else self.nbest
        asked = [name for name, value in for_beam.items() if value not in (None, [])]
        if self.decoder == "greedy" and asked:
            raise InvalidOption(f"{asked[0]} needs the decoder 'beam'; 'greedy' is asked for")
        return self.decoder or ("beam" if asked else default)

    def _boost(self, bundle: Bundle) -> tuple[BoostPhrase, ...]:
        if len(self.boost) > MAX_BOOST_PHRASES:  # before each of them costs something
            raise InvalidOption(
                f"boost has {len(self.boost)} phrases; at most {MAX_BOOST_PHRASES} are allowed"
            )
        return tuple(boost_phrase(b.phrase, b.weight, bundle.vocabulary) for b in self.boost)

    def _endpointing(self) -> Endpointing:
        given = {"silence_s": self.silence_s, "max_utterance_s": self.max_utterance_s}
        return Endpointing(**{name: value for name, value in given.items() if value is not None})
