"""Phrases to boost, as a client writes them: `zanzibar`, `zanzibar:5`, or a JSON object."""

from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, FailFast, WithJsonSchema

from service.engine.options import DEFAULT_BOOST_WEIGHT, MAX_BOOST_PHRASES


class Boost(BaseModel):
    """A phrase that is likely to be said."""

    model_config = ConfigDict(extra="forbid")

    phrase: str
    weight: float = DEFAULT_BOOST_WEIGHT


def _parse_boost(value: Any) -> Any:
    """`zanzibar:5` to its parts; what follows the last colon is a weight if it is a number."""
    if not isinstance(value, str):
        return value
    phrase, colon, weight = value.rpartition(":")
    try:
        return {"phrase": phrase, "weight": float(weight)} if colon else {"phrase": value}
    except ValueError:
        return {"phrase": value}


_SCHEMA = {"type": "array", "items": {"type": "string"}, "maxItems": MAX_BOOST_PHRASES}
Boosts: TypeAlias = Annotated[
    list[Annotated[Boost, BeforeValidator(_parse_boost)]], FailFast(), WithJsonSchema(_SCHEMA)
]
