"""The names that the served model answers to."""

from service.api.errors import UnknownModel
from service.engine.bundle import Bundle

# OpenAI's names for what this service does too, so that programs work unchanged.
ALIASES = ("whisper-1", "gpt-transcribe", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")


def check_model(name: str, bundle: Bundle) -> None:
    """Raise UnknownModel unless the model in `bundle` answers to `name`."""
    if name not in (bundle.name, *ALIASES):
        raise UnknownModel(
            f"The model {name!r:.100} does not exist. There is {bundle.name!r}; "
            f"{', '.join(ALIASES)} stand for it."
        )
