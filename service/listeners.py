"""The sockets that the service listens on."""

import errno
import logging
import socket
from collections.abc import Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import TypeAlias

from service.settings import Settings
from service.settings_sources import InvalidSetting, variable

logger = logging.getLogger(__name__)

_Address: TypeAlias = tuple[socket.AddressFamily, tuple[str, int]]

_ABSENT = {errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT}  # an IPv6 address where there is no IPv6


@dataclass(frozen=True, slots=True)
class Listeners:
    """Open sockets, for their taker to close."""

    main: Sequence[socket.socket]
    vosk: Sequence[socket.socket]  # none where that port is off, or was not asked for and is taken


def open_listeners(settings: Settings) -> Listeners:
    """Listen on the ports of `settings`.

    Raises:
        InvalidSetting: a port that was asked for cannot be listened on.
    """
    main = _listen(settings, "port")
    try:
        return Listeners(main, _listen(settings, "vosk_port") if settings.vosk_port else ())
    except InvalidSetting as error:
        if "vosk_port" in settings.model_fields_set:
            _close(main)
            raise
        logger.warning("%s. Vosk's clients can use the path /vosk of the main port.", error)
        return Listeners(main, ())


def address_of(listener: socket.socket) -> str:
    """Its host and port as they stand in a URL."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listen(settings: Settings, name: str) -> list[socket.socket]:
    port = getattr(settings, name)
    try:
        return _opened(_addresses(settings.host, port))
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno in _ABSENT:
            raise InvalidSetting(
                f"{variable('host')}={settings.host} is no address of this machine: "
                f"{error.strerror}; choose another one"
            ) from error
        raise InvalidSetting(
            f"{variable(name)}={port} cannot be listened on at {settings.host}: "
            f"{error.strerror}; choose another port"
        ) from error


def _opened(addresses: Iterable[_Address]) -> list[socket.socket]:
    """A socket for each address that this machine has; a name may stand for others as well."""
    sockets: list[socket.socket] = []
    absent: list[OSError] = []
    with ExitStack() as on_error:
        for family, address in addresses:
            try:
                opened = socket.create_server(address, family=family)
            except OSError as error:
                if error.errno not in _ABSENT:
                    raise
                absent.append(error)
            else:
                sockets.append(on_error.enter_context(opened))
        if not sockets:
            raise absent[0]
        on_error.pop_all()
    return sockets


def _addresses(host: str, port: int) -> list[_Address]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = [(family, (str(address[0]), port)) for family, _, _, _, address in found]
    return list(dict.fromkeys(addresses))


def _close(sockets: Sequence[socket.socket]) -> None:
    for open_socket in sockets:
        open_socket.close()
