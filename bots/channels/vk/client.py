"""HTTP of the VK API: the token in the form, errors inside HTTP 200, by consequence.

Source: https://dev.vk.com (API 5.199, schema of 2025-01-21).
"""

from __future__ import annotations

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
from tenants.kernel.http import async_transport, outgoing, vendor_errors
from tenants.kernel.trust import trust

VENDOR = "vk"
VERSION = "5.199"
DEFAULT_BASE = "https://api.vk.ru"
TIMEOUT_S = 15.0
# A call of VK waits for the confirmation that is asked for here.
CONFIRMATION_TIMEOUT_S = 5.0

# error_code → what to do. Seconds where waiting helps; VK names none itself.
WAITS_S = {1: 5.0, 6: 1.0, 9: 60.0, 10: 5.0, 14: 300.0, 29: 3600.0}
FOR_MERCHANT = {
    4: "the token was revoked",
    5: "the token was revoked",
    7: "the token lacks rights",
    15: "the token lacks rights",
    16: "the token was revoked",
    17: "the token was revoked",
    20: "the token lacks rights",
    27: "the token was revoked",
    28: "the token was revoked",
    912: "the community's bot abilities are off",
}
# About the buyer: on the blacklist, does not allow messages, gone, an unknown person.
FOR_BUYER = {
    18: "the buyer's page is deleted",
    900: "the buyer has blocked the community",
    901: "the buyer does not allow messages",
    902: "the buyer does not allow messages",
    932: "the community cannot write here",
    936: "VK does not know this person",
}
MISSING = frozenset({104})


class Refused(Rejected):
    code: Any = None  # VK's own


@lru_cache(maxsize=64)
def _client(base: str, proxy: str, ca_pem: str, _private: bool) -> httpx.Client:
    return outgoing(
        base,
        vendor=VENDOR,
        timeout_s=TIMEOUT_S,
        proxy=proxy or None,
        verify=trust(ca_pem) if ca_pem else True,
    )


class Client:
    def __init__(self, config: Config) -> None:
        self._config = config
        self._base = (config.base_url or DEFAULT_BASE).rstrip("/")

    def call(
        self, method: str, *, write: bool = False, timeout_s: float = TIMEOUT_S, **asked: Any
    ) -> Any:
        """What is in `response`. `write`: repeating it would do it twice.

        Raises VendorError by consequence, Unreachable.
        """
        with vendor_errors(VENDOR, method, write=write):
            response = self._http(self._base).post(
                f"/method/{method}", data=self._form(method, asked), timeout=timeout_s
            )
            response.raise_for_status()
        return _response(response, method, write=write)

    async def confirmation_code(self, group_id: int) -> str:
        """As `call`, for the event loop of the ingest."""
        method = "groups.getCallbackConfirmationCode"
        ca_pem = self._config.ca_bundle
        transport = async_transport(
            proxy=self._config.proxy or None,
            verify=trust(ca_pem) if ca_pem else True,
            vendor=VENDOR,
        )
        async with httpx.AsyncClient(transport=transport, trust_env=False) as client:
            with vendor_errors(VENDOR, method):
                response = await client.post(
                    f"{self._base}/method/{method}",
                    data=self._form(method, {"group_id": group_id}),
                    timeout=CONFIRMATION_TIMEOUT_S,
                )
                response.raise_for_status()
        return str(_response(response, method, write=False)["code"])

    def _form(self, method: str, asked: dict[str, Any]) -> dict[str, Any]:
        token = self._config.secrets.get("token", "")
        if not token:
            raise NeedsMerchant("the token was revoked", vendor=VENDOR, operation=method)
        given = {name: value for name, value in asked.items() if value is not None}
        return {**given, "access_token": token, "v": VERSION}

    def fetch(self, url: str, timeout_s: float, **query: Any) -> dict[str, Any]:
        """A JSON object of an address VK named (long poll). No token goes there."""
        with vendor_errors(VENDOR, "long poll"):
            response = self._http(url).get(url, params=query, timeout=timeout_s)
            response.raise_for_status()
        return _object(response) or {}

    def upload(self, url: str, field: str, name: str, content: bytes, mime: str) -> dict[str, Any]:
        """Bytes to the address that VK named. Raises Rejected where it does not take them."""
        with vendor_errors(VENDOR, "upload"):
            response = self._http(url).post(url, files={field: (name, content, mime)}, timeout=90.0)
            response.raise_for_status()
        told = _object(response) or {}
        if told.get("error") or not told:
            raise Rejected("the file was not accepted", vendor=VENDOR, operation="upload")
        return told

    def download(self, url: str, limit: int) -> bytes:
        """Raises ValueError past `limit` bytes. VK's files lie behind a redirect; each connection
        is guarded by itself."""
        with (
            vendor_errors(VENDOR, "download"),
            self._http(url).stream("GET", url, timeout=60.0, follow_redirects=True) as response,
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
        return _client(
            f"{parts.scheme}://{parts.netloc}",
            self._config.proxy,
            self._config.ca_bundle,
            settings.ALLOW_PRIVATE_ADDRESSES,
        )


def _object(response: httpx.Response) -> dict[str, Any] | None:
    try:
        body = response.json()
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def _response(response: httpx.Response, method: str, *, write: bool) -> Any:
    body = _object(response)
    if body is not None and isinstance(body.get("error"), dict):
        told = body["error"]
        raise error_of(told.get("error_code"), str(told.get("error_msg") or ""), method)
    if body is None or "response" not in body:
        kind = OutcomeUnknown if write else RetryLater
        raise kind("the answer is not understood", vendor=VENDOR, operation=method)
    return body["response"]


def error_of(code: Any, said: str, method: str) -> VendorError | Unreachable:
    about: dict[str, Any] = {"vendor": VENDOR, "operation": method, "status": 200}
    if code in FOR_BUYER:
        return Unreachable(FOR_BUYER[code])
    if code in FOR_MERCHANT:
        return NeedsMerchant(FOR_MERCHANT[code], **about)
    if code in WAITS_S:
        return RetryLater(said or "too many messages", retry_after_s=WAITS_S[code], **about)
    if code in MISSING:
        return NotFound(said or "not found", **about)
    refused = Refused(said or f"error {code}", **about)
    refused.code = code
    return refused
