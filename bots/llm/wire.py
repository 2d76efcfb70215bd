"""How a provider talks HTTP: clients that keep their patience, SSE and JSON lines, status codes.

A thread that waits in `recv` cannot be told to stop, and httpx's read time-out covers one gap, not
a whole answer. So the socket is read in short steps, and between steps the call's `Patience` says
whether to go on: a slow drip, a stall, the deadline and a cancelled answer all end within a step,
without a second thread.
"""

from __future__ import annotations

import json
import re
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from email.utils import parsedate_to_datetime
from functools import lru_cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import httpcore
import httpx

from bots.llm.base import (
    Account,
    ModelMalformed,
    ModelTooSlow,
    NeedsMerchant,
    Patience,
    Rejected,
    RetryLater,
    VendorError,
)
from tenants.kernel.errors import NotFound
from tenants.kernel.http import outgoing, vendor_errors
from tenants.kernel.trust import trust

STEP_S = 0.2
CONNECT_S = 5.0
BODY_LIMIT = 4_000_000

_current = threading.local()


# --- patient sockets ------------------------------------------------------------------------
class _PatientStream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        patience: Patience | None = getattr(_current, "patience", None)
        if patience is None:
            return self._inner.read(max_bytes, timeout)
        while True:
            step = patience.next_wait_s(STEP_S)
            try:
                return self._inner.read(max_bytes, step)
            except httpcore.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, timeout)

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        return _PatientStream(self._inner.start_tls(ssl_context, server_hostname, timeout))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _PatientBackend(httpcore.NetworkBackend):
    """Whatever backend the client had (the guard against private addresses), read in steps."""

    def __init__(self, inner: httpcore.NetworkBackend) -> None:
        self._inner = inner

    def connect_tcp(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _PatientStream(self._inner.connect_tcp(*args, **kwargs))

    def connect_unix_socket(self, *args: Any, **kwargs: Any) -> httpcore.NetworkStream:
        return _PatientStream(self._inner.connect_unix_socket(*args, **kwargs))

    def sleep(self, seconds: float) -> None:
        self._inner.sleep(seconds)


def make_patient(client: httpx.Client) -> httpx.Client:
    """Read this client's sockets in steps; keep no cookies, for accounts share the client."""
    for transport in (client._transport, *client._mounts.values()):
        pool = _pool_of(transport)
        if pool is not None and not isinstance(pool._network_backend, _PatientBackend):
            pool._network_backend = _PatientBackend(pool._network_backend)
            pool._max_connections = max(pool._max_connections, 400)
            pool._max_keepalive_connections = max(pool._max_keepalive_connections, 50)
    client.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    return client


def _pool_of(transport: object) -> httpcore.ConnectionPool | None:
    for _ in range(4):  # the guard may wrap the transport
        pool = getattr(transport, "_pool", None)
        if isinstance(pool, httpcore.ConnectionPool):
            return pool
        transport = getattr(transport, "inner", None) or getattr(transport, "_inner", None)
    return None


@contextmanager
def patient(patience: Patience) -> Iterator[None]:
    """Bind `patience` to this thread's reads."""
    before = getattr(_current, "patience", None)
    _current.patience = patience
    try:
        yield
    finally:
        _current.patience = before


# --- clients --------------------------------------------------------------------------------
@lru_cache(maxsize=64)
def client_for(
    vendor: str, base_url: str, proxy: str = "", allow_private: bool | None = None, ca_pem: str = ""
) -> httpx.Client:
    """One client per address, shared by accounts: keys travel in each request's headers."""
    client = outgoing(
        base_url,
        vendor=vendor,
        timeout_s=CONNECT_S,
        allow_private=allow_private,
        proxy=proxy or None,
        verify=trust(ca_pem) if ca_pem else True,
    )
    return make_patient(client)


def account_client(account: Account, vendor: str, base_url: str, ca_pem: str = "") -> httpx.Client:
    return client_for(vendor, base_url, account.proxy, account.allow_private, ca_pem)


class Token:
    """A short-lived access token: one for all threads, asked for early, by one thread at a time."""

    def __init__(self, fetch: Callable[[Patience], tuple[str, float]]) -> None:
        """`fetch` asks the vendor for a token: it, and for how many seconds to use it."""
        self._fetch, self._lock = fetch, threading.Lock()
        self._value, self._until = "", 0.0

    def get(self, patience: Patience) -> str:
        with self._lock:
            if not self._value or time.monotonic() >= self._until:
                self._value, seconds = self._fetch(patience)
                self._until = time.monotonic() + seconds
            return self._value

    def forget(self, value: str) -> None:
        """The vendor refused it. Another that was fetched meanwhile stays."""
        with self._lock:
            if self._value == value:
                self._value = ""


def served_models(listed: Any) -> list[str]:
    """Names in the answer of `GET /models`."""
    found = listed.get("data") if isinstance(listed, Mapping) else None
    return [str(m["id"]) for m in found or [] if isinstance(m, Mapping) and m.get("id")]


def timeouts(patience: Patience) -> httpx.Timeout:
    left = max(0.05, patience.left())
    return httpx.Timeout(
        left, connect=min(CONNECT_S, left), pool=min(2.0, left), write=min(10.0, left)
    )


@contextmanager
def streamed(
    client: httpx.Client,
    method: str,
    url: str,
    *,
    vendor: str,
    operation: str,
    patience: Patience,
    headers: Mapping[str, str] | None = None,
    payload: Any = None,
    data: Mapping[str, str] | None = None,
    secrets: tuple[str, ...] = (),
    explain: Callable[[int, Any, str], VendorError | None] | None = None,
) -> Iterator[httpx.Response]:
    """An answer with a good status, its body unread. Errors leave as the tree in `base`.

    `explain(status, body, message)` may name a vendor's own error before the general rules do.
    """
    patience.begin()
    patience.next_wait_s(STEP_S)
    with (
        patient(patience),
        reaching(vendor, operation),
        client.stream(
            method,
            url,
            json=payload,
            data=data,
            headers=dict(headers or {}),
            timeout=timeouts(patience),
        ) as response,
    ):
        if response.status_code >= 300:
            raise status_error(
                response.status_code,
                b"".join(_bounded(response, patience, 64_000)),
                response.headers,
                vendor=vendor,
                operation=operation,
                secrets=secrets,
                explain=explain,
            )
        yield response


@contextmanager
def reaching(vendor: str, operation: str) -> Iterator[None]:
    """The kernel's errors, with our own two distinctions: too slow, and an address that is ours."""
    try:
        with vendor_errors(vendor, operation):
            yield
    except (ModelTooSlow, ModelMalformed) as exc:
        exc.vendor, exc.operation = exc.vendor or vendor, exc.operation or operation
        raise
    except RetryLater as exc:
        if "private address" in exc.detail:
            raise NeedsMerchant(
                "the address leads into a private network", vendor=vendor, operation=operation
            ) from exc
        if "CERTIFICATE_VERIFY_FAILED" in exc.detail:
            raise NeedsMerchant(
                "the server's certificate is not trusted here: its CA certificate is needed",
                vendor=vendor,
                operation=operation,
            ) from exc
        raise


def _bounded(
    response: httpx.Response, patience: Patience, limit: int = BODY_LIMIT
) -> Iterator[bytes]:
    size = 0
    for chunk in response.iter_bytes():
        patience.byte()
        size += len(chunk)
        if size > limit:
            raise ModelMalformed("the answer is too large")
        yield chunk


def body_json(response: httpx.Response, patience: Patience) -> Any:
    """The whole body as JSON. The vendor is silent until it is done: see `wait_for_whole`."""
    raw = b"".join(_bounded(response, patience))
    try:
        return json.loads(raw)
    except ValueError as exc:
        raise ModelMalformed("the answer is not JSON") from exc


def wait_for_whole(patience: Patience) -> None:
    """Without streaming the first byte is the last one: only the deadline bounds the wait."""
    patience.first_byte_s = max(patience.first_byte_s, patience.left())


def json_lines(response: httpx.Response, patience: Patience) -> Iterator[Any]:
    """Newline-separated JSON. Splits on b"\\n" only: U+2028 and U+0085 are letters of a text."""
    rest = b""
    for chunk in _bounded(response, patience):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield _parsed(line)
    if rest.strip():
        yield _parsed(rest)


DONE = object()


def sse_json(response: httpx.Response, patience: Patience) -> Iterator[Any]:
    """`data:` of server-sent events as JSON, then `DONE` for the vendor's "[DONE]".

    Comments and other fields are skipped; an error object sent as a bare JSON line (Ollama,
    proxies) is passed on like an event.
    """
    rest = b""
    for chunk in _bounded(response, patience):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield from _event(line)
    yield from _event(rest)


def _event(line: bytes) -> Iterator[Any]:
    line = line.strip()
    if line.startswith(b"data:"):
        line = line[5:].strip()
        if line.startswith(b"[DONE]"):
            yield DONE
            return
        if not line:
            return
    elif not line.startswith(b"{"):
        return
    yield _parsed(line)


def _parsed(line: bytes) -> Any:
    try:
        return json.loads(line)
    except ValueError as exc:
        raise ModelMalformed("a piece of the answer is not JSON") from exc


# --- status codes ---------------------------------------------------------------------------
def status_error(
    status: int,
    raw: bytes,
    headers: Mapping[str, str],
    *,
    vendor: str,
    operation: str,
    secrets: tuple[str, ...] = (),
    explain: Callable[[int, Any, str], VendorError | None] | None = None,
) -> VendorError:
    """What an answer of 3xx to 5xx means. A model call may be repeated: it changes nothing."""
    try:
        body = json.loads(raw)
    except ValueError:
        body = {}
    message = error_message(body, secrets) or f"HTTP {status}"
    error = explain(status, body, message) if explain else None
    if error is None:
        if status in (408, 409, 425, 429) or status >= 500:
            error = RetryLater(message, retry_after_s=retry_after_s(headers))
        elif status in (401, 402, 403):
            error = NeedsMerchant(message)
        elif status == 404:
            error = NotFound(message)
        else:
            error = Rejected(message)
    if isinstance(error, RetryLater) and error.retry_after_s is None:
        error.retry_after_s = retry_after_s(headers)
    error.vendor, error.operation, error.status = vendor, operation, status
    return error


def error_message(body: Any, secrets: tuple[str, ...] = ()) -> str:
    """The vendor's sentence, short and without our keys in it."""
    if isinstance(body, list) and body:
        body = body[0]
    found: Any = body
    for _ in range(3):
        if isinstance(found, dict):
            found = found.get("error") or found.get("message") or found.get("detail") or ""
    return clean(str(found) if isinstance(found, str) else "", secrets)


_KEY = re.compile(r"\b(?:sk|pk|AQVN|t1)[-_.][\w*.\-]{6,}|\b[A-Za-z0-9+/_\-]{40,}={0,2}")


def clean(text: str, secrets: tuple[str, ...] = ()) -> str:
    for secret in secrets:
        if len(secret) >= 6:
            text = text.replace(secret, "…")
    return _KEY.sub("…", text)[:200]


_GO_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|us|µs|ns|h|m|s)")
_GO_UNIT = {"h": 3600.0, "m": 60.0, "s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


def go_duration_s(text: str) -> float | None:
    """ "6m0s", "1.5s", "12ms" → seconds."""
    parts = _GO_PART.findall(text or "")
    return sum(float(n) * _GO_UNIT[unit] for n, unit in parts) if parts else None


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Retry-After (seconds or a date), retry-after-ms, or the x-ratelimit reset that is empty."""
    if millis := headers.get("retry-after-ms"):
        try:
            return max(0.0, float(millis) / 1000)
        except ValueError:
            pass
    if plain := headers.get("retry-after"):
        try:
            return max(0.0, float(plain))
        except ValueError:
            pass
        try:
            return max(0.0, parsedate_to_datetime(plain).timestamp() - time.time())
        except (TypeError, ValueError):
            pass
    return rest_s(headers) or None


def rest_s(headers: Mapping[str, str]) -> float:
    """How long to leave the vendor alone: the longest reset among the limits that stand at 0."""
    waits = [0.0]
    for kind in ("requests", "tokens"):
        if headers.get(f"x-ratelimit-remaining-{kind}") == "0":
            waits.append(go_duration_s(headers.get(f"x-ratelimit-reset-{kind}", "")) or 0.0)
    return max(waits)


__all__ = [
    "DONE",
    "ModelTooSlow",
    "account_client",
    "body_json",
    "clean",
    "client_for",
    "go_duration_s",
    "json_lines",
    "make_patient",
    "patient",
    "rest_s",
    "retry_after_s",
    "sse_json",
    "status_error",
    "streamed",
    "timeouts",
    "trust",
    "wait_for_whole",
]
