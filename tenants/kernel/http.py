"""The one way out: every outgoing connection has time-outs, a size limit and an address guard.

A merchant types addresses (a feed, a model server, a webhook); without the guard such an address
reads our own network. The name is resolved by us and the connection goes to the address that was
checked, so a name that changes between check and use changes nothing.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpcore
import httpx
from django.conf import settings

from tenants.kernel.errors import (
    NeedsMerchant,
    NotFound,
    OutcomeUnknown,
    Rejected,
    RetryLater,
    VendorError,
)
from tenants.kernel.guard import AddressRefused, checked_address

USER_AGENT = "shop-assistant/1.0"
MAX_BODY = 50 * 1024 * 1024


def _checked_address(host: str, port: int) -> str:
    """An address of a host, when all of them are public. Raises httpcore.ConnectError."""
    try:
        return checked_address(host, port)
    except AddressRefused as exc:
        raise httpcore.ConnectError(str(exc)) from exc


class _GuardedBackend(httpcore.SyncBackend):
    """Resolves the name itself and connects to a checked address only."""

    def connect_tcp(  # type: ignore[override]
        self, host: str, port: int, timeout=None, local_address=None, socket_options=None
    ) -> httpcore.NetworkStream:
        address = _checked_address(host, port)
        return super().connect_tcp(address, port, timeout, local_address, socket_options)


class _GuardedAsyncBackend(httpcore.AnyIOBackend):
    async def connect_tcp(  # type: ignore[override]
        self, host: str, port: int, timeout=None, local_address=None, socket_options=None
    ) -> httpcore.AsyncNetworkStream:
        loop = asyncio.get_running_loop()
        address = await loop.run_in_executor(None, _checked_address, host, port)
        return await super().connect_tcp(address, port, timeout, local_address, socket_options)


def async_transport(*, proxy: str | None = None, verify: Any = True) -> httpx.AsyncHTTPTransport:
    """The same guard for the one library that brings an asynchronous client of its own."""
    http = httpx.AsyncHTTPTransport(verify=verify, proxy=proxy or None, retries=0)
    if not settings.ALLOW_PRIVATE_ADDRESSES and not proxy:
        http._pool._network_backend = _GuardedAsyncBackend()  # type: ignore[attr-defined]
    return http


def outgoing(
    base_url: str = "",
    *,
    vendor: str = "",
    timeout_s: float = 10.0,
    headers: Mapping[str, str] | None = None,
    allow_private: bool | None = None,
    proxy: str | None = None,
    verify: Any = True,
    transport: httpx.BaseTransport | None = None,
) -> httpx.Client:
    """A client for one vendor. Redirects are not followed: a redirect may lead inside.

    `allow_private` is the operator's setting by default (local runs, tests, simulators).
    """
    private = settings.ALLOW_PRIVATE_ADDRESSES if allow_private is None else allow_private
    if transport is None:
        http = httpx.HTTPTransport(verify=verify, proxy=proxy or None, retries=0)
        if not private and not proxy:
            http._pool._network_backend = _GuardedBackend()  # type: ignore[attr-defined]
        transport = http
    return httpx.Client(
        base_url=base_url,
        headers={"User-Agent": USER_AGENT, **(headers or {})},
        timeout=httpx.Timeout(timeout_s, connect=min(5.0, timeout_s)),
        transport=transport,
        follow_redirects=False,
        trust_env=False,
    )


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds from Retry-After: a number or an HTTP date (RFC 9110 10.2.3)."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        try:
            return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
        except (ValueError, TypeError):
            return None


def error_for(
    response: httpx.Response, *, vendor: str, operation: str, write: bool, detail: str = ""
) -> VendorError:
    """The error of an answer that is not 2xx. `detail`: the vendor's own reason."""
    status = response.status_code
    about: dict[str, Any] = {"vendor": vendor, "operation": operation, "status": status}
    detail = detail or f"HTTP {status}"
    if status in (420, 429):
        return RetryLater(detail, retry_after_s=retry_after_s(response.headers), **about)
    if status in (401, 403):
        return NeedsMerchant(detail, **about)
    if status == 404:
        return NotFound(detail, **about)
    if status >= 500 or status == 408:
        if write and status != 503:
            return OutcomeUnknown(detail, **about)
        return RetryLater(detail, retry_after_s=retry_after_s(response.headers), **about)
    return Rejected(detail, **about)


@contextmanager
def vendor_errors(vendor: str, operation: str, *, write: bool = False) -> Iterator[None]:
    """Turn httpx's errors into ours. `write`: a time-out leaves the outcome unknown."""
    about: dict[str, Any] = {"vendor": vendor, "operation": operation}
    try:
        yield
    except httpx.HTTPStatusError as exc:
        raise error_for(exc.response, write=write, **about) from exc
    except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as exc:
        # Nothing was sent: safe to repeat, write or not.
        raise RetryLater(f"no connection ({exc})", **about) from exc
    except (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError) as exc:
        kind = OutcomeUnknown if write else RetryLater
        raise kind(f"no answer in time ({type(exc).__name__})", **about) from exc
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as exc:
        raise NeedsMerchant(f"the address is not usable ({exc})", **about) from exc
