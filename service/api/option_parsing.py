"""A client's texts and JSON values to checked options, or to what is wrong with them."""

from collections import Counter
from collections.abc import Iterable
from functools import cache
from typing import TypeVar, get_origin

from pydantic import BaseModel, ValidationError

from service.engine.errors import InvalidOption

Options = TypeVar("Options", bound=BaseModel)

_MAX_CAUSES = 5  # that are told of


def parse_options(pairs: Iterable[tuple[str, str]], model: type[Options]) -> Options:
    """Options of the kind `model` from a query string or a form.

    Raises:
        InvalidOption: an option is unknown, given twice, or not a value of its type.
    """
    options = list(pairs)
    lists: dict[str, list[str]] = {
        name: [value for given, value in options if given == name] for name in _list_fields(model)
    }
    counts = Counter(name for name, _ in options if name not in lists)
    repeated = [name for name, count in counts.items() if count > 1]
    if repeated:
        raise InvalidOption(f"The option {repeated[0]!r} is given more than once.")
    try:
        return model.model_validate(dict(options) | lists)
    except ValidationError as error:
        raise InvalidOption(describe(error, model, "option")) from None


@cache
def _list_fields(model: type[BaseModel]) -> list[str]:
    return [n for n, field in model.model_fields.items() if get_origin(field.annotation) is list]


def describe(error: ValidationError, model: type[BaseModel], kind: str) -> str:
    """What is wrong with a client's values, by name, with what is allowed: the first causes."""
    allowed = ", ".join(model.model_fields)
    causes = []
    for cause in error.errors(include_url=False, include_context=False)[:_MAX_CAUSES]:
        name = ".".join(str(part) for part in cause["loc"])
        if cause["type"] == "extra_forbidden":
            causes.append(f"Unknown {kind} {name!r}; allowed are {allowed}.")
        elif cause["type"] == "missing":
            causes.append(f"The {kind} {name!r} is missing.")
        else:
            causes.append(f"The {kind} {name!r} is {cause['input']!r:.100}: {cause['msg']}.")
    if error.error_count() > _MAX_CAUSES:
        causes.append(f"There are {error.error_count() - _MAX_CAUSES} errors more.")
    return " ".join(causes)
