"""Chatwoot's application API over HTTP: one token, pages, patience.

Source: https://developers.chatwoot.com/api-reference and the project's own swagger folder
(github.com/chatwoot/chatwoot, read 2026-11-22). The header is `api_access_token`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx
from django.conf import settings
from django.utils.translation import gettext as _

from tenants.kernel.context import release_connection
from tenants.kernel.errors import NeedsMerchant, Rejected, RetryLater
from tenants.kernel.http import error_for, outgoing, vendor_errors

VENDOR = "chatwoot"
# A page of 25 conversations is some 100 kB; this one is not theirs.
MAX_ANSWER = 16 * 1024 * 1024
TIMEOUT_S = 30.0
# Pauses before the same call is tried again; past them the job itself waits.
PAUSES_S = (0.5, 2.0, 8.0)
# A wish to wait longer than this is the job's to keep.
LONGEST_PAUSE_S = 20.0
MAX_REDIRECTS = 5


def address_of(text: str) -> str:
    """`https://app.chatwoot.com/app/accounts/1/…` → `https://app.chatwoot.com`.

    Raises NeedsMerchant: the token would travel readable over plain http.
    """
    text = text.strip()
    try:
        parts = urlsplit(text if "://" in text else f"https://{text}")
        host, _port = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in ("http", "https") or parts.username or parts.password:
        raise NeedsMerchant(_("The address must look like https://app.chatwoot.com."))
    if parts.scheme == "http" and not settings.ALLOW_PRIVATE_ADDRESSES:
        raise NeedsMerchant(_("The address must begin with https://, or the token could be read."))
    return f"{parts.scheme}://{parts.netloc}"


class Client:
    """Raises VendorError by consequence; what it says never holds the token."""

    def __init__(
        self, address: str, token: str, account: str = "", *, is_patient: bool = True
    ) -> None:
        self.address, self.account = address_of(address), account
        self._pauses = PAUSES_S if is_patient else ()
        if not token.isascii() or not token.isprintable() or not token.strip():
            raise NeedsMerchant(_("The token holds letters that no token has."), vendor=VENDOR)
        self._http = outgoing(
            self.address,
            vendor=VENDOR,
            timeout_s=TIMEOUT_S if is_patient else 10.0,
            headers={"api_access_token": token.strip(), "Accept": "application/json"},
        )
        # Files lie elsewhere, often with somebody else: the token does not go there.
        self._files = outgoing(vendor=VENDOR, timeout_s=TIMEOUT_S)

    def close(self) -> None:
        self._http.close()
        self._files.close()

    def profile(self) -> Any:
        return self._get("/api/v1/profile")

    def list(self, name: str, **params: Any) -> Any:
        """GET below the account. The vendor's own answer, untouched."""
        return self._get(f"/api/v1/accounts/{self.account}/{name}", **params)

    def _get(self, path: str, **params: Any) -> Any:
        for pause_s in (*self._pauses, None):
            release_connection()
            try:
                return self._get_once(path, params)
            except RetryLater as exc:
                wait_s = exc.retry_after_s if exc.retry_after_s is not None else pause_s
                if pause_s is None or wait_s is None or wait_s > LONGEST_PAUSE_S:
                    raise
                time.sleep(wait_s)
        raise AssertionError("unreachable")

    def _get_once(self, path: str, params: dict[str, Any]) -> Any:
        operation = f"GET {path.rpartition('/')[2]}"
        with (
            vendor_errors(VENDOR, operation),
            self._http.stream("GET", path, params=params) as answer,
        ):
            if answer.is_redirect:
                raise NeedsMerchant(
                    _("The address leads elsewhere. Give the one it leads to."),
                    vendor=VENDOR, operation=operation, status=answer.status_code,
                )  # fmt: skip
            if answer.status_code != 200:
                raise error_for(
                    answer, vendor=VENDOR, operation=operation, write=False,
                    detail=_words(answer.status_code),
                )  # fmt: skip
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > MAX_ANSWER:
                    raise Rejected(
                        _("An answer is larger than %(mb)s MB: this is not Chatwoot's.")
                        % {"mb": MAX_ANSWER // 1024 // 1024},
                        vendor=VENDOR, operation=operation,
                    )  # fmt: skip
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as exc:
            raise Rejected(
                _("The answer is not Chatwoot's: is the address right?"),
                vendor=VENDOR, operation=operation,
            ) from exc  # fmt: skip

    def file(self, url: str, limit: int) -> Iterator[bytes]:
        """Redirects are followed one by one, each past the address guard.

        Raises VendorError; ValueError in words when it is too large.
        """
        url = urljoin(f"{self.address}/", url)
        release_connection()
        for _hop in range(MAX_REDIRECTS):
            if urlsplit(url).scheme not in ("http", "https"):
                raise Rejected(_("The file has no usable address."), vendor=VENDOR)
            with vendor_errors(VENDOR, "GET file"), self._files.stream("GET", url) as answer:
                if answer.is_redirect:
                    url = urljoin(url, answer.headers.get("location", ""))
                    continue
                if answer.status_code != 200:
                    raise error_for(answer, vendor=VENDOR, operation="GET file", write=False)
                yield from _limited(answer, limit)
                return
        raise Rejected(_("The file's address leads in a circle."), vendor=VENDOR)


def _limited(answer: httpx.Response, limit: int) -> Iterator[bytes]:
    too_large = _("The file is larger than %(mb)s MB.") % {"mb": limit // 1024 // 1024}
    size = answer.headers.get("content-length", "")
    if size.isdecimal() and int(size) > limit:
        raise ValueError(too_large)
    got = 0
    for piece in answer.iter_bytes():
        got += len(piece)
        if got > limit:
            raise ValueError(too_large)
        yield piece


def _words(status: int) -> str:
    if status in (401, 403):
        return _("Chatwoot does not accept the token, or it may not do this.")
    if status == 404:
        return _("There is no such account at this address.")
    return ""
