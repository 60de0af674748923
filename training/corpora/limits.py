"""What a recording must keep to. Apart from the rest, so that the command line can show it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a recording's duration and density."""

    min_duration_s: float = 0.1
    max_duration_s: float = 20.0
    frame_s: float = 0.04  # one output frame of the acoustic model
