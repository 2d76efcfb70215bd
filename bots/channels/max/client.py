"""HTTP of the MAX Bot API: the token, certificates, errors by consequence.

Source: https://dev.max.ru/docs-api (schema 0.0.32, 2026-07-01).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

import httpx
from django.conf import settings

from bots.channels.base import Config, Unreachable
from tenants.kernel.errors import (
    NeedsMerchant,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    VendorError,
)
from tenants.kernel.http import error_for, outgoing, vendor_errors
from tenants.kernel.trust import russian_ca, trust

VENDOR = "max"
DEFAULT_BASE = "https://platform-api2.max.ru"
# MAX's own addresses: the API, pictures, files, videos. The Russian root is trusted for no other.
OWN_DOMAINS = ("max.ru", "oneme.ru", "okcdn.ru")
TIMEOUT_S = 20.0
NOT_READY = "attachment.not.ready"
# 403 to a message: the buyer has stopped the bot or deleted the dialogue. (An unknown token may
# be 403, too: its code says so.)
BAD_TOKEN = frozenset({"verify.token"})


class NotReady(RetryLater):
    """What was uploaded is still being worked on."""


@lru_cache(maxsize=64)
def _client(base: str, proxy: str, ca_pem: str, _private: bool) -> httpx.Client:
    """One an address; the token travels in each request."""
    return outgoing(
        base,
        vendor=VENDOR,
        timeout_s=TIMEOUT_S,
        proxy=proxy or None,
        verify=trust(ca_pem) if ca_pem else True,
    )


@contextmanager
def _reaching(operation: str, *, write: bool = False) -> Iterator[None]:
    """The kernel's errors; a certificate nobody here trusts is for a person, not for waiting."""
    try:
        with vendor_errors(VENDOR, operation, write=write):
            yield
    except RetryLater as exc:
        if "CERTIFICATE_VERIFY_FAILED" not in exc.detail:
            raise
        raise NeedsMerchant(
            "the server's certificate is not trusted here: its CA certificate is needed",
            vendor=VENDOR,
            operation=operation,
        ) from exc


class Client:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._base = (config.base_url or DEFAULT_BASE).rstrip("/")

    def call(
        self,
        method: str,
        path: str,
        *,
        write: bool = False,
        to_chat: bool = False,
        timeout_s: float = TIMEOUT_S,
        json: Any = None,
        **query: Any,
    ) -> dict[str, Any]:
        """One method's answer. `to_chat`: a refusal is about the buyer, not about the account.

        Raises VendorError by consequence, Unreachable.
        """
        operation = f"{method} {path}"
        # The bare token, without "Bearer".
        token = self._config.secrets.get("token", "")
        if not token.isascii():
            raise NeedsMerchant("the token was revoked", vendor=VENDOR, operation=operation)
        headers = {"Authorization": token}
        with _reaching(operation, write=write):
            response = self._http(self._base).request(
                method,
                path,
                params={name: value for name, value in query.items() if value is not None},
                json=json,
                headers=headers,
                timeout=timeout_s,
            )
        if not response.is_success:
            raise _error(response, operation, write=write, to_chat=to_chat)
        body = _object(response)
        if body is None:
            # A proxy's page: what became of the call is not known.
            kind = OutcomeUnknown if write else RetryLater
            raise kind("the answer is not understood", vendor=VENDOR, operation=operation)
        if body.get("success") is False:
            raise Rejected(str(body.get("message") or "refused"), vendor=VENDOR,
                           operation=operation)  # fmt: skip
        return body

    def upload(self, url: str, name: str, content: bytes, mime: str) -> dict[str, Any]:
        """Bytes to the address that MAX named. No token goes there."""
        with _reaching("upload"):
            response = self._http(url).post(
                url, files={"data": (name, content, mime)}, timeout=90.0
            )
            if not response.is_success:
                raise _error(response, "upload", write=False, to_chat=False)
        return _object(response) or {}

    def download(self, url: str, limit: int) -> bytes:
        """Raises ValueError past `limit` bytes."""
        with (
            _reaching("download"),
            self._http(url).stream("GET", url, timeout=60.0) as response,
        ):
            response.raise_for_status()
            content = b""
            for piece in response.iter_bytes():
                content += piece
                if len(content) > limit:
                    raise ValueError("the file is too large to keep")
        return content

    def _http(self, url: str) -> httpx.Client:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_own = any(host == one or host.endswith(f".{one}") for one in OWN_DOMAINS)
        ca_pem = ""
        if is_own or url.startswith(self._base):
            ca_pem = (
                self._config.ca_bundle
                or str(self._config.settings.get("ca_pem") or "")
                or russian_ca(VENDOR)
            )
        base = f"{parts.scheme}://{parts.netloc}"
        return _client(base, self._config.proxy, ca_pem, settings.ALLOW_PRIVATE_ADDRESSES)


def _object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _error(
    response: httpx.Response, operation: str, *, write: bool, to_chat: bool
) -> VendorError | Unreachable:
    """By status and code: {"code", "message"}."""
    body = _object(response) or {}
    code, said = str(body.get("code") or ""), str(body.get("message") or "")
    about: dict[str, Any] = {
        "vendor": VENDOR,
        "operation": operation,
        "status": response.status_code,
    }
    if code == NOT_READY:
        return NotReady("the file is still being prepared", **about)
    if code in BAD_TOKEN or response.status_code == 401:
        return NeedsMerchant("the token was revoked", **about)
    if to_chat and response.status_code == 403:
        return Unreachable(said or "the buyer has stopped the bot")
    error = error_for(
        response, vendor=VENDOR, operation=operation, write=write, detail=said or code
    )
    # "chat.not.found", "dialog.not.found": there is nobody to write to.
    whom = f"{code} {said}".lower()
    if to_chat and isinstance(error, NotFound) and ("chat" in whom or "dialog" in whom):
        return Unreachable(said or code)
    return error
