"""The one way out: every outgoing connection has time-outs, a size limit and an address guard.

A merchant types addresses (a feed, a model server, a webhook); without the guard such an address
reads our own network. The name is resolved by us and the connection goes to the address that was
checked, so a name that changes between check and use changes nothing.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
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


def _is_ours(proxy_host: str) -> bool:
    return proxy_host in settings.PROXY_PRIVATE_HOSTS


class _GuardedBackend(httpcore.SyncBackend):
    """Resolves the name itself and connects to a checked address only.

    `proxy_host`: what is connected to is this proxy; the operator's own may be private.
    """

    def __init__(self, proxy_host: str = "") -> None:
        self._proxy_host = proxy_host

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        if not _is_ours(self._proxy_host):
            host = _checked_address(host, port)
        return super().connect_tcp(host, port, timeout, local_address, socket_options)


class _GuardedAsyncBackend(httpcore.AnyIOBackend):
    def __init__(self, proxy_host: str = "") -> None:
        self._proxy_host = proxy_host

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        if not _is_ours(self._proxy_host):
            loop = asyncio.get_running_loop()
            host = await loop.run_in_executor(None, _checked_address, host, port)
        return await super().connect_tcp(host, port, timeout, local_address, socket_options)


def _check_target(request: httpx.Request) -> None:
    """Behind a proxy the name is resolved there; what leads inside is refused here before."""
    url = request.url
    port = url.port or (443 if url.scheme == "https" else 80)
    try:
        checked_address(url.raw_host.decode("ascii"), port)
    except AddressRefused as exc:
        raise httpx.ConnectError(str(exc), request=request) from exc


class _CheckedTarget(httpx.BaseTransport):
    def __init__(self, inner: httpx.BaseTransport) -> None:
        self.inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        _check_target(request)
        return self.inner.handle_request(request)

    def close(self) -> None:
        self.inner.close()


class _CheckedAsyncTarget(httpx.AsyncBaseTransport):
    def __init__(self, inner: httpx.AsyncBaseTransport) -> None:
        self.inner = inner

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.get_running_loop().run_in_executor(None, _check_target, request)
        return await self.inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self.inner.aclose()


def _proxy(address: str | None, vendor: str) -> tuple[httpx.Proxy | None, str]:
    """The proxy and its host. Raises NeedsMerchant."""
    if not address:
        return None, ""
    try:
        found = httpx.Proxy(address)
        host = found.url.host
    except (ValueError, httpx.InvalidURL) as exc:
        raise NeedsMerchant("the proxy's address is not usable", vendor=vendor) from exc
    if not host:
        raise NeedsMerchant("the proxy's address is not usable", vendor=vendor)
    return found, host


@cache
def usual_roots() -> ssl.SSLContext:
    """The usual roots, read once: reading them takes 40 ms, and a client is made for each call."""
    return httpx.create_ssl_context()


def _trusting(verify: Any) -> Any:
    return usual_roots() if verify is True else verify


def async_transport(
    *, proxy: str | None = None, verify: Any = True, vendor: str = ""
) -> httpx.AsyncBaseTransport:
    """The same guard for the one library that brings an asynchronous client of its own.

    Raises NeedsMerchant for a proxy that is none.
    """
    through, host = _proxy(proxy, vendor)
    http = httpx.AsyncHTTPTransport(verify=_trusting(verify), proxy=through, retries=0)
    if settings.ALLOW_PRIVATE_ADDRESSES:
        return http
    http._pool._network_backend = _GuardedAsyncBackend(host)
    return _CheckedAsyncTarget(http) if through else http


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

    `allow_private` is the operator's setting by default (local runs, tests, simulators). With a
    `proxy`, both its address and the target are guarded; a proxy the operator names in
    PROXY_PRIVATE_HOSTS may stand in our own network. Raises NeedsMerchant for a proxy that is none.
    """
    private = settings.ALLOW_PRIVATE_ADDRESSES if allow_private is None else allow_private
    if transport is None:
        through, host = _proxy(proxy, vendor)
        http = httpx.HTTPTransport(verify=_trusting(verify), proxy=through, retries=0)
        transport = http
        if not private:
            http._pool._network_backend = _GuardedBackend(host)
            transport = _CheckedTarget(http) if through else http
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
