"""What a stream tells its caller while it listens."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypeAlias

from service.engine.transcript import Segment


@dataclass(frozen=True, slots=True)
class Partial:
    """The best reading so far of the utterance in progress.

    `stable` is a prefix of `text` that no later event of the utterance takes back: every later
    partial and the final text begin with it. An empty `text` withdraws an earlier partial.
    """

    text: str
    stable: str
    start_s: float  # where the utterance begins, from the start of the stream


@dataclass(frozen=True, slots=True)
class Final:
    """An utterance that has ended; it never changes. It has at least one word."""

    segment: Segment


Event: TypeAlias = Partial | Final


def ended(events: Iterable[Event]) -> list[Segment]:
    """The utterances among `events` that have ended."""
    return [event.segment for event in events if isinstance(event, Final)]
