"""Exolve's HTTP API: every method is a POST of JSON with the application's key."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import httpx

from bots.channels.base import Config
from tenants.kernel.errors import NotFound, OutcomeUnknown, Rejected, RetryLater
from tenants.kernel.http import error_for, outgoing, vendor_errors

VENDOR = "exolve"
BASE = "https://api.exolve.ru"


class Client:
    def __init__(self, config: Config) -> None:
        self.base = (config.base_url or BASE).rstrip("/")
        self._config = config

    def post(self, path: str, body: Mapping[str, Any], *, write: bool = False) -> Any:
        """The answer's JSON, untouched. Raises VendorError."""
        operation = f"POST {path}"
        with vendor_errors(VENDOR, operation, write=write), self._http(20.0) as http:
            answer = http.post(f"{self.base}{path}", json=dict(body))
            if not answer.is_success:
                raise error_for(
                    answer, vendor=VENDOR, operation=operation, write=write, detail=_reason(answer)
                )
        try:
            return answer.json()
        except ValueError as exc:
            unknown = OutcomeUnknown if write else RetryLater
            raise unknown(
                "the answer is not understood", vendor=VENDOR, operation=operation
            ) from exc

    def download(self, path: str) -> tuple[bytes, str]:
        """A recording and its type. Raises VendorError; NotFound where there is none yet."""
        operation = "GET recording"
        with vendor_errors(VENDOR, operation), self._http(60.0) as http:
            answer = http.get(f"{self.base}{path}")
            answer.raise_for_status()
        if not answer.content:
            raise NotFound("there is no recording", vendor=VENDOR, operation=operation)
        return answer.content, answer.headers.get("content-type", "").partition(";")[0]

    def _http(self, timeout_s: float) -> httpx.Client:
        return outgoing(
            vendor=VENDOR,
            timeout_s=timeout_s,
            headers={"Authorization": f"Bearer {self._config.secrets.get('api_key', '')}"},
            proxy=self._config.proxy or None,
        )


def _reason(answer: httpx.Response) -> str:
    """Exolve's own words where it says any: {"error": {"message"}} or {"message"}."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    if not isinstance(body, dict):
        return ""
    error = body.get("error")
    found = error.get("message") if isinstance(error, dict) else error or body.get("message")
    return str(found or "")[:200]


__all__ = ["Client", "Rejected"]
