"""Certificates trusted beside the usual roots, for one vendor's addresses only.

Some Russian services (GigaChat, MAX) have certificates of the Ministry of Digital Development's
root, which no usual trust store holds. The root comes from the account's settings or from a file
of the operator's; checking is never switched off.
"""

from __future__ import annotations

import ssl
from functools import lru_cache
from pathlib import Path

from django.conf import settings

from tenants.kernel.errors import NeedsMerchant


@lru_cache(maxsize=64)
def trust(ca_pem: str) -> ssl.SSLContext:
    """The usual roots plus the given ones (the Russian trusted root, a company's own CA)."""
    try:
        context = ssl.create_default_context()
        context.load_verify_locations(cadata=ca_pem)
    except (ssl.SSLError, ValueError) as exc:
        raise NeedsMerchant("the CA certificate is not valid PEM") from exc
    return context


def operator_ca(path: str, vendor: str = "") -> str:
    """PEM of a file the operator named; nothing where none is named."""
    if not path:
        return ""
    try:
        return Path(path).read_text(encoding="ascii")
    except (OSError, ValueError) as exc:
        raise NeedsMerchant("the operator's CA file cannot be read", vendor=vendor) from exc


def russian_ca(vendor: str = "") -> str:
    """The Russian root certificate the operator put on this machine, as PEM."""
    return operator_ca(settings.RUSSIAN_CA_FILE or settings.GIGACHAT_CA_FILE, vendor)
