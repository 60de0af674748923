"""What a running service is not as it was asked to be."""

from service.engine.recognizer import Recognizer
from service.settings import Settings

_CUDA = "CUDAExecutionProvider"


def runtime_warnings(settings: Settings, recognizer: Recognizer) -> list[str]:
    """Sentences for `/readyz`; the engine has them in the log as well."""
    if settings.provider == "cuda" and recognizer.provider != _CUDA:
        return [f"CUDA was asked for, but the model runs on {recognizer.provider}."]
    return []
