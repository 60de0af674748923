"""The recognition engine: audio to text with numpy and ONNX Runtime, and no web framework."""

import os

# ONNX Runtime's wheels report their use to their maker unless this is set before they are loaded.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
