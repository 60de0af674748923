"""The options of the API as flags of the command line, each with its description."""

from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Collection
from typing import Any, TypeVar, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from service.api.option_parsing import parse_options

Options = TypeVar("Options", bound=BaseModel)


def add_option_arguments(
    parser: ArgumentParser, model: type[BaseModel], without: Collection[str] = ()
) -> None:
    """Give `parser` a flag for every field of `model`; values stay text, as in a query."""
    for name, field in model.model_fields.items():
        if name not in without:
            flag = "--" + name.replace("_", "-")
            description = (field.description or "").replace("%", "%%").replace("`", "")
            parser.add_argument(flag, dest=name, default=SUPPRESS, help=description, **_kind(field))


def options_from(arguments: Namespace, model: type[Options]) -> Options:
    """The options that are among the parsed flags.

    Raises:
        InvalidOption: a value is not of its type.
    """
    pairs = []
    for name, value in vars(arguments).items():
        if name in model.model_fields:
            values = value if isinstance(value, list) else [value]
            pairs += [(name, str(each)) for each in values]
    return parse_options(pairs, model)


def _kind(field: FieldInfo) -> dict[str, Any]:
    """How argparse reads a flag."""
    if field.annotation is bool:
        return {"action": BooleanOptionalAction}
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    choices = extra.get("enum") or [c for c in get_args(field.annotation) if isinstance(c, str)]
    if choices:
        return {"choices": choices}
    is_list = get_origin(field.annotation) is list
    return {"metavar": "VALUE", **({"action": "append"} if is_list else {})}
