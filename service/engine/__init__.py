"""The recognition engine: audio to text with numpy and ONNX Runtime, and no web framework."""
