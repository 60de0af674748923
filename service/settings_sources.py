"""Where settings come from: environment variables, and the same again as flags of `longwave serve`.

This is the only file that knows the environment. A flag wins over its variable, and a variable
over the default.
"""

import re
from argparse import SUPPRESS, ArgumentParser, BooleanOptionalAction, Namespace
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from service.settings import Settings

_PREFIX = "LONGWAVE_"
# Of a service that is called longwave, every pod of its namespace is told these.
_SERVICE_LINK = re.compile(
    rf"{_PREFIX}(SERVICE_HOST|SERVICE_PORT\w*|PORT_\d+_\w+)=.*|{_PREFIX}PORT=\w+://.*"
)


class InvalidSetting(ValueError):
    """A setting is unknown or wrong; the message names it, its value and what is allowed."""


def add_settings_arguments(parser: ArgumentParser) -> None:
    """Give `parser` one flag for every setting."""
    for name, field in Settings.model_fields.items():
        parser.add_argument(
            _flag(name), dest=name, default=SUPPRESS, help=_help(name, field), **_kind(field)
        )


def settings_from(arguments: Namespace, environ: Mapping[str, str]) -> Settings:
    """Settings from parsed flags and the environment; other arguments are left alone.

    Raises:
        InvalidSetting: a setting is unknown or its value is not allowed.
    """
    flags = {name: value for name, value in vars(arguments).items() if name in _names()}
    variables = _variables(environ)
    try:
        return Settings.model_validate(variables | flags)
    except ValidationError as error:
        raise InvalidSetting(_explain(error, flags)) from None


def _variables(environ: Mapping[str, str]) -> dict[str, str]:
    """The settings among the environment's variables, by field name."""
    known = {variable(name): name for name in _names()}
    ours = {name: value for name, value in environ.items() if _is_ours(name, value)}
    for name, value in ours.items():
        if name not in known:
            raise InvalidSetting(_unknown(name, value, list(known)))
    return {known[name]: value for name, value in ours.items()}


def _is_ours(name: str, value: str) -> bool:
    """Whether it is a setting, or meant to be one, and not what Kubernetes tells of a service."""
    return name.startswith(_PREFIX) and not _SERVICE_LINK.fullmatch(f"{name}={value}")


def _unknown(name: str, value: str, known: list[str]) -> str:
    close = get_close_matches(name, known, n=1)
    remedy = f"did you mean {close[0]}?" if close else f"allowed are {', '.join(known)}"
    return f"{name}={value!r} is not a setting; {remedy}"


def _explain(error: ValidationError, flags: Mapping[str, Any]) -> str:
    """All wrong values in one line."""
    causes = []
    for cause in error.errors():
        name = str(cause["loc"][0])
        origin = _flag(name) if name in flags else variable(name)
        causes.append(f"{origin}={cause['input']!r} is not allowed: {cause['msg']}")
    return "; ".join(causes)


def _kind(field: FieldInfo) -> dict[str, Any]:
    """How argparse reads a flag. Values stay text: the model is the one judge of them."""
    if field.annotation is bool:
        return {"action": BooleanOptionalAction}
    return {"metavar": "VALUE"}


def _help(name: str, field: FieldInfo) -> str:
    choices = get_args(field.annotation)
    allowed = f"one of {', '.join(choices)}; " if choices else ""
    default = "none" if field.default == "" else field.default
    return f"{field.description} ({allowed}{variable(name)}; default: {default})"


def _names() -> list[str]:
    return list(Settings.model_fields)


def variable(name: str) -> str:
    """The environment variable of a setting."""
    return _PREFIX + name.upper()


def _flag(name: str) -> str:
    return "--" + name.replace("_", "-")
