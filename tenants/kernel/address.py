"""Where a request comes from. Only our own proxies are believed when they name somebody else."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

from django.conf import settings
from django.http import HttpRequest


def client_address(request: HttpRequest) -> str | None:
    """Address of the client, None where the server does not know it (a Unix socket)."""
    return address_behind(
        request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    )


def address_behind(peer: str, forwarded: str, trusted: Iterable[str] | None = None) -> str | None:
    """The right-most address of `forwarded` that is not one of our proxies."""
    networks = [
        ipaddress.ip_network(text, strict=False)
        for text in (settings.TRUSTED_PROXIES if trusted is None else trusted)
    ]
    found = _parse(peer)
    for hop in reversed(forwarded.split(",")):
        if found is None or not any(found in network for network in networks):
            break
        if (before := _parse(hop.strip())) is None:
            break
        found = before
    return str(found) if found else None


def _parse(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
