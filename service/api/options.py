"""What a client may ask for: texts and JSON values to the engine's options."""

from collections import Counter
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.engine.bundle import DecodingDefaults
from service.engine.errors import InvalidOption
from service.engine.options import DECODERS, MAX_BEAM_WIDTH, RecognitionOptions


class DecodingOptions(BaseModel):
    """How to decode. Ranges are the engine's to check; here they are only described."""

    model_config = ConfigDict(extra="forbid")

    decoder: str | None = Field(
        default=None,
        description="`greedy` is the fastest, `beam` weighs many readings. Default: the model's.",
        json_schema_extra={"enum": [*DECODERS]},
        examples=["greedy"],
    )
    beam_width: int | None = Field(
        default=None,
        description="Readings that `beam` keeps in mind. Default: the model's.",
        json_schema_extra={"minimum": 1, "maximum": MAX_BEAM_WIDTH},
        examples=[16],
    )

    def recognition(self, defaults: DecodingDefaults) -> RecognitionOptions:
        """The engine's options, where nothing is asked for those of the model.

        Raises:
            InvalidOption: a value is out of range.
        """
        return RecognitionOptions(
            decoder=defaults.decoder if self.decoder is None else self.decoder,
            beam_width=defaults.beam_width if self.beam_width is None else self.beam_width,
        )


def parse_options(pairs: Iterable[tuple[str, str]]) -> DecodingOptions:
    """Options from a query string or a form.

    Raises:
        InvalidOption: an option is unknown, given twice, or not a value of its type.
    """
    options = list(pairs)
    counts = Counter(name for name, _ in options)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise InvalidOption(f"The option {repeated[0]!r} is given more than once.")
    try:
        return DecodingOptions.model_validate(dict(options))
    except ValidationError as error:
        raise InvalidOption(describe(error, DecodingOptions, "option")) from None


def describe(error: ValidationError, model: type[BaseModel], kind: str) -> str:
    """All that is wrong with a client's values, by name, with what is allowed."""
    allowed = ", ".join(model.model_fields)
    causes = []
    for cause in error.errors():
        name = ".".join(str(part) for part in cause["loc"])
        if cause["type"] == "extra_forbidden":
            causes.append(f"Unknown {kind} {name!r}; allowed are {allowed}.")
        elif cause["type"] == "missing":
            causes.append(f"The {kind} {name!r} is missing.")
        else:
            causes.append(f"The {kind} {name!r} is {cause['input']!r:.100}: {cause['msg']}.")
    return " ".join(causes)
