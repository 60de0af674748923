"""The WebSocket protocol of vosk-server, for programs that were written for it.

Learned from alphacep/vosk-server (`websocket/asr_server.py`) and from the recogniser behind it
(alphacep/vosk-api, `src/recognizer.cc`): what is sent, when, and in which shape.
"""
