"""Whose key signs: Amazon's certificate chain, downloaded, checked and kept by its address.

Source: https://developer.amazon.com/docs/alexa/custom-skills/host-a-custom-skill-as-a-web-service.html
(read 2026-11-22).
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import posixpath
import re
import time
import warnings
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

import certifi
import httpx
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.utils import CryptographyDeprecationWarning
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from bots.channels.base import SignatureMismatch
from tenants.kernel.errors import VendorError
from tenants.kernel.http import async_transport

HOST = "s3.amazonaws.com"
FOLDER = "/echo.api/"
SIGNER = "echo-api.amazon.com"
FETCH_S = 2.0
CHAIN_BYTES = 64 * 1024
KEPT_S = 3600.0
REFUSED_S = 30.0
CHAINS = 200


class NotAmazon(SignatureMismatch):
    """Amazon's test calls have wrong signatures on purpose and want this very status."""

    status = 400


@dataclass(frozen=True)
class Signer:
    """`key` is None for a chain that was refused."""

    key: RSAPublicKey | None
    not_before: datetime
    not_after: datetime
    kept_until: float
    why: str = ""


_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)
_kept: dict[tuple[str, str], Signer] = {}
_fetching: dict[tuple[str, str], asyncio.Task[None]] = {}


def address_of(url: str) -> str:
    """The chain's address in one spelling. Raises NotAmazon for any but Amazon's own."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as exc:
        raise NotAmazon("no address of a certificate") from exc
    if parts.scheme.lower() != "https" or (parts.hostname or "") != HOST or port not in (None, 443):
        raise NotAmazon("the certificate is somewhere else")
    if parts.username is not None or "\\" in url or parts.query or parts.fragment:
        raise NotAmazon("the certificate is somewhere else")
    path = posixpath.normpath(unquote(parts.path))
    if not path.startswith(FOLDER):
        raise NotAmazon("the certificate is in another folder")
    return f"https://{HOST}{path}"


async def fetch(url: str, *, base_url: str = "", proxy: str = "", ca_bundle: str = "") -> None:
    """Have the signer of this address at hand. Raises NotAmazon.

    Calls that come while it is being downloaded wait for the same download.
    """
    place = _place(address_of(url), ca_bundle)
    kept = _kept.get(place)
    if kept and kept.kept_until > time.monotonic():
        return
    task = _fetching.get(place)
    if task is None or task.get_loop() is not asyncio.get_running_loop():
        task = asyncio.create_task(_fetch(place, base_url, proxy, ca_bundle))
        _fetching[place] = task
        task.add_done_callback(lambda _: _fetching.pop(place, None))
    await asyncio.shield(task)


async def _fetch(place: tuple[str, str], base_url: str, proxy: str, ca_bundle: str) -> None:
    address = place[0]
    if base_url:
        address = base_url.rstrip("/") + urlsplit(address).path
    try:
        transport = async_transport(proxy=proxy or None, vendor="alexa")
        async with (
            httpx.AsyncClient(transport=transport, timeout=FETCH_S, trust_env=False) as http,
            http.stream("GET", address) as answer,
        ):
            if answer.status_code != 200:
                raise NotAmazon(f"the certificate's address answers {answer.status_code}")
            content = b""
            async for piece in answer.aiter_bytes():
                content += piece
                if len(content) > CHAIN_BYTES:
                    raise NotAmazon("the certificate is too large")
    except (httpx.HTTPError, VendorError) as exc:
        # Not kept: the next call may find it.
        raise NotAmazon(f"the certificate cannot be had: {type(exc).__name__}") from exc
    await asyncio.to_thread(keep, place[0], content, ca_bundle)


def keep(url: str, chain: bytes, ca_bundle: str = "") -> None:
    """Check a chain (to a trusted root, within its dates, made out to Alexa) and keep its key."""
    now = datetime.now(UTC)
    try:
        leaf, *others = x509.load_pem_x509_certificates(chain)
        verifier = PolicyBuilder().store(_roots(ca_bundle)).time(now)
        verifier.build_server_verifier(x509.DNSName(SIGNER)).verify(leaf, others)
        key = leaf.public_key()
        if not isinstance(key, RSAPublicKey):
            raise ValueError("not an RSA key")
        until = time.monotonic() + KEPT_S
        made = Signer(key, leaf.not_valid_before_utc, leaf.not_valid_after_utc, until)
    except (ValueError, VerificationError) as exc:
        until = time.monotonic() + REFUSED_S
        made = Signer(None, now, now, until, f"the certificate is not good: {exc}"[:300])
    if len(_kept) >= CHAINS:
        _kept.clear()
    _kept[_place(address_of(url), ca_bundle)] = made


def check(url: str, signature: str, body: bytes, *, ca_bundle: str = "") -> None:
    """Whether these very bytes are signed with the key of that address. Raises NotAmazon."""
    signer = _kept.get(_place(address_of(url), ca_bundle))
    if signer is None:
        raise NotAmazon("the certificate is not known")
    if signer.key is None:
        raise NotAmazon(signer.why)
    if not signer.not_before <= datetime.now(UTC) <= signer.not_after:
        raise NotAmazon("the certificate's time is over")
    try:
        told = base64.b64decode(signature, validate=True)
        signer.key.verify(told, body, padding.PKCS1v15(), hashes.SHA256())
    except (ValueError, InvalidSignature) as exc:
        raise NotAmazon("wrong signature") from exc


def _place(address: str, ca_bundle: str) -> tuple[str, str]:
    return address, hashlib.sha256(ca_bundle.encode()).hexdigest()


@lru_cache(maxsize=8)
def _roots(ca_bundle: str) -> Store:
    found = []
    usual = Path(certifi.where()).read_text()
    with warnings.catch_warnings():
        # One of the usual roots has a serial number that its reader will refuse one day.
        warnings.simplefilter("ignore", CryptographyDeprecationWarning)
        for one in _PEM.findall(usual + ca_bundle):
            with suppress(ValueError):
                found.append(x509.load_pem_x509_certificate(one.encode()))
    return Store(found)
