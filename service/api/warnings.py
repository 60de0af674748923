"""What a running service is not as it was asked to be."""

from service.engine.onnx_acoustic import CUDA
from service.engine.recognizer import Recognizer
from service.settings import Settings


def runtime_warnings(settings: Settings, recognizer: Recognizer) -> list[str]:
    """Sentences for `/readyz`; the engine has them in the log as well."""
    if settings.provider == "cuda" and recognizer.provider != CUDA:
        return [f"CUDA was asked for, but the model runs on {recognizer.provider}."]
    return []
