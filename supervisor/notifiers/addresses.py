"""Where a connection may go: the internet and this machine; private networks only if a profile says so.

A name is looked up once, its addresses are judged, and the connection goes to the very address that was
judged: a name that leads elsewhere a moment later gains nothing.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

from supervisor.notifiers.secrets import Target
from supervisor.notifiers.sink import NotSent

Address: TypeAlias = IPv4Address | IPv6Address
Lookup: TypeAlias = Callable[[str, int], list[str]]

ADDRESSES_MAX: Final = 4
_NAT64: Final = IPv6Network("64:ff9b::/96")


def look_up(host: str, port: int) -> list[str]:
    """Ask the system for the addresses of a host; it may take long, and raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def permitted(target: Target, addresses: list[str], *, allow_private: bool) -> list[str]:
    """Return the addresses that may be connected to; raise NotSent if there is none.

    Plain http is for this machine alone.
    """
    judged = [(address, _inner(address)) for address in addresses]
    if target.scheme == "http":
        judged = [(address, inner) for address, inner in judged if inner is not None and inner.is_loopback]
        if not judged:
            raise NotSent(
                "its URL must begin with https://: only this machine may be told by http", again=False
            )
    allowed = [
        address
        for address, inner in judged
        if inner is not None and (inner.is_loopback or inner.is_global or allow_private)
    ]
    if not allowed:
        raise NotSent(
            "its URL leads into a private network; `allow_private = true` in the profile permits that",
            again=False,
        )
    return allowed[:ADDRESSES_MAX]


def _inner(spelled: str) -> Address | None:
    """Return the address that packets reach in the end: IPv4 inside IPv6 is judged as what it is."""
    try:
        address = ip_address(spelled)
    except ValueError:
        return None
    if isinstance(address, IPv4Address):
        return _reachable(address)
    if address.ipv4_mapped is not None:
        return _reachable(address.ipv4_mapped)
    if address in _NAT64:
        return _reachable(IPv4Address(int(address) & 0xFFFFFFFF))
    if address.sixtofour is not None:
        return _reachable(address.sixtofour)
    return _reachable(address)


def _reachable(address: Address) -> Address | None:
    """Leave out what no single machine has: multicast and the unspecified address."""
    return None if address.is_multicast or address.is_unspecified else address
