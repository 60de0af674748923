"""Longwave's speech recognition service: an engine that turns audio into text, and its HTTP edge."""
