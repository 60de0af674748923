"""The form of `POST /v1/audio/transcriptions`: what a client may ask for."""

import json
import re
from collections.abc import Iterable
from contextlib import suppress
from typing import Literal, get_origin

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service.api.errors import InvalidParameter
from service.api.openai.languages import is_language
from service.api.openai.names import check_model
from service.api.phrases import hinted_recognition
from service.engine.bundle import Bundle
from service.engine.options import RecognitionOptions

_MAX_PHRASE_WORDS = 4
_BETWEEN_PHRASES = re.compile(r"[^\w\s'\u2019-]+|\n+")
_LIST_ITEM = re.compile(r"(\w+)\[\d*\]")  # `include[]`, and `include[0]` as some languages spell it


class TranscriptionForm(BaseModel):
    """The fields that count. All others are ignored, as those are of later versions."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    model: str = Field(
        description="The model, or one of its aliases; `GET /v1/models` has both.",
        json_schema_extra={"minLength": 1},
    )
    language: str = Field(
        default="", description="The model's language; another one is refused.", examples=["en"]
    )
    prompt: str = Field(
        default="",
        description="Names and short phrases between punctuation marks are made more likely; "
        f"parts of more than {_MAX_PHRASE_WORDS} words are ignored.",
    )
    response_format: Literal["json", "text", "srt", "vtt", "verbose_json"] = "json"
    temperature: float = Field(
        default=0.0, ge=0, le=1, description="Without effect: nothing is drawn by chance."
    )
    timestamp_granularities: tuple[Literal["word", "segment"], ...] = Field(
        default=(), description="What `verbose_json` has times of. Default: segments."
    )
    stream: bool = Field(default=False, description="Send the text as server-sent events.")
    include: tuple[Literal["logprobs"], ...] = ()
    languages: tuple[str, ...] = Field(default=(), description="One must be the model's.")
    keywords: tuple[str, ...] = Field(default=(), description="Phrases made more likely.")

    @property
    def has_words(self) -> bool:
        return "word" in self.timestamp_granularities

    @property
    def has_segments(self) -> bool:
        return "segment" in self.timestamp_granularities or not self.has_words

    def check(self, bundle: Bundle) -> None:
        """Refuse what cannot be done.

        Raises:
            UnknownModel: no such model is served.
            InvalidParameter: fields contradict each other or the model.
        """
        check_model(self.model, bundle)
        self._check_language(bundle)
        if self.has_words and self.response_format != "verbose_json":
            raise InvalidParameter(
                "Times of words need the response_format 'verbose_json'.", "timestamp_granularities"
            )
        if self.include and self.response_format != "json":
            raise InvalidParameter("'logprobs' need the response_format 'json'.", "include")
        if self.stream and self.response_format not in {"json", "text"}:
            raise InvalidParameter(
                "A stream needs the response_format 'json' or 'text'.", "response_format"
            )

    def _check_language(self, bundle: Bundle) -> None:
        for param, asked in (("language", [self.language]), ("languages", self.languages)):
            given = [language for language in asked if language]
            if given and not any(is_language(language, bundle.language) for language in given):
                raise InvalidParameter(
                    f"The model {bundle.name!r} hears {bundle.language!r} only, "
                    f"not {', '.join(given)!r:.100}.",
                    param,
                )

    def recognition(self, bundle: Bundle) -> RecognitionOptions:
        """The engine's options."""
        return hinted_recognition([*self.keywords, *_phrases_of(self.prompt)], bundle)


_LISTS = {
    name
    for name, field in TranscriptionForm.model_fields.items()
    if get_origin(field.annotation) is tuple
}


def parse_form(fields: Iterable[tuple[str, str]]) -> TranscriptionForm:
    """Read form fields. Lists are spelled `name[]` or `name`, once for each item, or as JSON.

    Raises:
        InvalidParameter: a field is missing or has a wrong value.
    """
    values: dict[str, str | list[str]] = {}
    for spelled, value in fields:
        item = _LIST_ITEM.fullmatch(spelled)
        name = item.group(1) if item else spelled
        if name in _LISTS:
            values[name] = [*values.get(name, ()), *_items(value)]
        elif value:  # an empty field is one that was left out
            values[name] = _unquoted(value)
    try:
        return TranscriptionForm.model_validate(values)
    except ValidationError as error:
        raise _explained(error) from None


def _items(value: str) -> list[str]:
    """The items that one field holds: itself, or those of a list in JSON."""
    if value.startswith("["):
        with suppress(ValueError, RecursionError):
            return [item if isinstance(item, str) else repr(item) for item in json.loads(value)]
    return [_unquoted(value)] if value else []


def _unquoted(value: str) -> str:
    """The text of a field that was sent as a string in JSON, quotes and all."""
    if value.startswith('"'):
        with suppress(ValueError):
            return str(json.loads(value))
    return value


def _explained(error: ValidationError) -> InvalidParameter:
    cause = error.errors()[0]
    param = str(cause["loc"][0])
    if cause["type"] == "missing":
        return InvalidParameter(f"You must provide the parameter {param!r}.", param)
    return InvalidParameter(f"{param} is {cause['input']!r:.100}: {cause['msg']}.", param)


def _phrases_of(prompt: str) -> list[str]:
    parts = (part.strip() for part in _BETWEEN_PHRASES.split(prompt))
    return [part for part in parts if len(part.split()) <= _MAX_PHRASE_WORDS]
