"""What Vosk's clients send as text: configuration, and that they are done."""

import json
from enum import Enum
from typing import Annotated, Any, TypeAlias

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from service.api.errors import InvalidMessage
from service.api.option_parsing import describe
from service.api.phrases import hinted_recognition
from service.engine.bundle import Bundle
from service.engine.options import MAX_BEAM_WIDTH, RecognitionOptions


def _truth(value: object) -> object:
    """Numbers as Vosk takes them for switches: all but 0 is on."""
    return bool(value) if isinstance(value, int | float) else value


class VoskConfig(BaseModel):
    """What a client has configured so far. Fields that are not here, `model` too, are ignored."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    sample_rate: float = Field(allow_inf_nan=False)  # Hz; clients send 16000 and 16000.0
    words: Annotated[bool, BeforeValidator(_truth)] = True
    max_alternatives: int = Field(default=0, ge=0)
    phrase_list: tuple[str, ...] | None = Field(default=None, fail_fast=True)

    @property
    def nbest(self) -> int:
        """How many readings are looked for, and told where alternatives are asked for."""
        return min(max(self.max_alternatives, 1), MAX_BEAM_WIDTH)

    def recognition(self, bundle: Bundle) -> RecognitionOptions:
        """The engine's options."""
        # Vosk makes a grammar of the list, in which its words follow each other in any order.
        words = " ".join(self.phrase_list or ()).split()
        return hinted_recognition(words, bundle, self.nbest)


class Command(Enum):
    """Text that asks for the rest of the result."""

    EOF = "eof"  # and then the connection closes
    RESET = "reset"  # and then comes more audio


ClientMessage: TypeAlias = VoskConfig | Command


def parse_message(text: str, config: VoskConfig) -> ClientMessage:
    """Read a text message; one that configures gives `config` with its changes.

    Raises:
        InvalidMessage: it is not JSON, is none of the three, or configures nonsense.
    """
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError):
        raise InvalidMessage("The message is not JSON.") from None
    if isinstance(fields, dict):
        if "config" in fields:
            return _configured(config, fields["config"])
        for command in Command:
            if fields.get(command.value):
                return command
    raise InvalidMessage('The message must be a JSON object with "config", "eof" or "reset".')


def _configured(config: VoskConfig, changes: Any) -> VoskConfig:
    if not isinstance(changes, dict):
        raise InvalidMessage('"config" must be a JSON object.')
    try:
        return VoskConfig.model_validate(config.model_dump() | changes)
    except ValidationError as error:
        raise InvalidMessage(describe(error, VoskConfig, "field")) from None
