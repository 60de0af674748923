"""What a running service is not as it was asked to be."""

from service.engine.onnx_acoustic import missing_gpu
from service.engine.recognizer import Recognizer
from service.settings import Settings


def runtime_warnings(settings: Settings, recognizer: Recognizer) -> list[str]:
    """Sentences for `/readyz`; the engine has them in the log as well."""
    reason = missing_gpu(settings.provider, recognizer.provider)
    return [f"{reason}, but the model runs on {recognizer.provider}."] if reason else []
