"""OpenAI's transcription API, for programs that were written for it.

Learned from its reference and from the types of its Python package (openai 3.57).
"""
