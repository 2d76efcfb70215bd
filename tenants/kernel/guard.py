"""Which addresses we connect to when somebody else named them: public ones only.

A merchant types addresses (a feed, a mail server, a proxy); without the guard such an address
reads our own network. Callers connect to the address that was checked, so a name that changes
between check and use changes nothing.
"""

from __future__ import annotations

import ipaddress
import socket


class AddressRefused(OSError):
    """The name leads nowhere, or inside. The message may be shown."""


def is_public(address: str) -> bool:
    ip = ipaddress.ip_address(address)
    if isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped:
        ip = ip.ipv4_mapped
    return ip.is_global and not ip.is_multicast


def addresses_of(host: str, port: int) -> list[str]:
    """Every address of a host. Raises AddressRefused where it has none."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as exc:
        raise AddressRefused(f"{host} has no address") from exc
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def checked_address(host: str, port: int) -> str:
    """An address of a host, when all of them are public. Raises AddressRefused."""
    addresses = addresses_of(host, port)
    if refused := [a for a in addresses if not is_public(a)]:
        raise AddressRefused(f"{host} leads to a private address ({refused[0]})")
    return addresses[0]
