"""Longwave's speech recognition service: an engine from audio to text, and its HTTP edge."""
