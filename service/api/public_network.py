"""Connections to public addresses only, for what a stranger asks the service to fetch.

A name is resolved once, all its addresses are checked, and the connection goes to the one that was
checked: a name server that answers differently the second time (DNS rebinding) is never asked. TLS
still verifies the certificate of the name.
"""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from ipaddress import IPv4Address, IPv6Address
from typing import Any, TypeAlias

import httpcore

from service.api.errors import UrlRefused

Resolve: TypeAlias = Callable[[str, int], Awaitable[list[str]]]
"""The addresses of a host, for connections to a port of it; raises OSError if it has none."""

_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
# Of IPv6, not public, though Python 3.11 does not say so.
_LOCAL = (
    ipaddress.IPv6Network("64:ff9b:1::/48"),  # NAT64 within a network, RFC 8215
    ipaddress.IPv6Network("::/96"),  # IPv4 in IPv6 as it was once, RFC 4291 section 2.5.5.1
    ipaddress.IPv6Network("fec0::/10"),  # within a site, RFC 3879
)


async def resolve(host: str, port: int) -> list[str]:
    """The addresses that the system's resolver gives."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in found]


def is_public(address: str) -> bool:
    """Whether anybody on the internet could reach an address, and not only this machine."""
    ip = ipaddress.ip_address(address)
    inner = _embedded(ip) if isinstance(ip, IPv6Address) else None
    if not ip.is_global or ip.is_multicast or any(ip in network for network in _LOCAL):
        return False
    return inner is None or is_public(str(inner))


def _embedded(ip: IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, if it does."""
    if ip in _NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour


class PublicNetwork(httpcore.AsyncNetworkBackend):
    """httpcore's network, of which only the public part can be reached."""

    def __init__(self, resolve: Resolve, network: httpcore.AsyncNetworkBackend) -> None:
        self._resolve = resolve
        self._network = network

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        """Connect to a checked address.

        Raises:
            UrlRefused: an address of the host is not public, or it has none.
        """
        try:
            addresses = await self._resolve(host, port)
        except (OSError, UnicodeError):
            addresses = []
        if not addresses:
            raise UrlRefused(f"The host {host!r} of the url has no address. Correct the url.")
        if not all(map(is_public, addresses)):
            raise UrlRefused(f"The host {host!r} of the url is not public. Send the file itself.")
        return await self._network.connect_tcp(
            addresses[0], port, timeout, local_address, socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
