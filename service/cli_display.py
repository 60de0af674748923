"""What `longwave stream` shows: on a terminal, text that is still being said; else lines."""

import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.text import Text

from service.cli_output import print_out
from service.engine.events import Event, Final


class Display(Protocol):
    """Shows what is said."""

    def show(self, events: Iterable[Event]) -> None: ...


class _Lines:
    """Finals, one a line, for a program that reads them."""

    def show(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Final):
                print_out(event.segment.text + "\n")


class _Terminal:
    """Finals above, and below them what is being said: the settled part of it bright."""

    def __init__(self, live: Live) -> None:
        self._live = live

    def show(self, events: Iterable[Event]) -> None:
        for event in events:
            if isinstance(event, Final):
                self._live.console.print(Text(event.segment.text))
                self._live.update(Text(), refresh=True)
            else:
                unsettled = event.text.removeprefix(event.stable)
                text = Text.assemble(event.stable, (unsettled, "dim"))
                self._live.update(text, refresh=True)


@contextmanager
def open_display() -> Iterator[Display]:
    """What suits the standard output, while the context lasts."""
    if not sys.stdout.isatty():
        yield _Lines()
        return
    with Live(Text(), console=Console(), auto_refresh=False, transient=True) as live:
        yield _Terminal(live)
