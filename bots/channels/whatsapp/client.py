"""Graph API over HTTP: one account's calls, answers and errors."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Any

import httpx

from bots.channels.base import Config
from bots.channels.whatsapp.errors import refuse
from tenants.kernel.errors import NeedsMerchant, OutcomeUnknown, RetryLater
from tenants.kernel.http import error_for, outgoing, retry_after_s, vendor_errors

DEFAULT_BASE = "https://graph.facebook.com"
# Each version lives about two years; the setting moves a channel to another.
VERSION = "v23.0"
MEDIA_LIMIT = 100 * 1024 * 1024


class Graph:
    def __init__(self, config: Config) -> None:
        self.config = config
        self.token = config.secrets.get("token", "")
        version = str(config.settings.get("version") or VERSION)
        self.version = version if re.fullmatch(r"v\d{1,3}\.\d", version) else VERSION

    @property
    def phone(self) -> str:
        return str(self.config.settings.get("phone_number_id", ""))

    @property
    def account(self) -> str:
        return str(self.config.settings.get("business_account_id", ""))

    def proof(self) -> str:
        """Meta checks with it that the app secret is of the app that made the token."""
        secret = self.config.secrets.get("app_secret", "")
        return hmac.new(secret.encode(), self.token.encode(), hashlib.sha256).hexdigest()

    def call(
        self,
        method: str,
        path: str,
        operation: str,
        *,
        write: bool = False,
        timeout_s: float = 15.0,
        **more: Any,
    ) -> dict[str, Any]:
        """An answer's object. Raises VendorError by consequence, Unreachable."""
        with (
            self._open(timeout_s) as http,
            vendor_errors("whatsapp", operation, write=write),
        ):
            answer = http.request(method, f"/{self.version}/{path}", **more)
        found = self._checked(answer, operation, write=write)
        try:
            body = found.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            self.odd(operation, write=write)
        if isinstance(body.get("error"), dict):  # an error with 200, seen behind relays
            refuse(body["error"], operation=operation, status=answer.status_code)
        return body

    def odd(self, operation: str, *, write: bool) -> Any:
        """An answer that is none: what became of the call is not known."""
        kind = OutcomeUnknown if write else RetryLater
        raise kind("an answer we do not understand", vendor="whatsapp", operation=operation)

    def download(self, url: str) -> bytes:
        """A file of the address Graph API gave: it wants the token, too."""
        with self._open(60) as http, vendor_errors("whatsapp", "GET media"):
            answer = http.get(url)
        return self._checked(answer, "GET media").content

    def upload(self, name: str, content: bytes, mime: str) -> str:
        """The media's id; good for 30 days."""
        body = self.call(
            "POST",
            f"{self.phone}/media",
            "POST media",
            timeout_s=90,
            data={"messaging_product": "whatsapp", "type": mime},
            files={"file": (name, content, mime)},
        )
        found = body.get("id")
        return str(found) if found else self.odd("POST media", write=False)

    def _open(self, timeout_s: float) -> httpx.Client:
        if not self.token or not self.token.isascii() or not self.token.isprintable():
            raise NeedsMerchant("this is not a token", vendor="whatsapp")
        return outgoing(
            (self.config.base_url or DEFAULT_BASE).rstrip("/"),
            vendor="whatsapp",
            timeout_s=timeout_s,
            headers={"Authorization": f"Bearer {self.token}"},
            proxy=self.config.proxy or None,
        )

    @staticmethod
    def _checked(answer: httpx.Response, operation: str, *, write: bool = False) -> httpx.Response:
        if answer.is_success:
            return answer
        try:
            error: Any = answer.json().get("error")
        except (ValueError, AttributeError):
            error = None
        if not isinstance(error, Mapping):
            raise error_for(answer, vendor="whatsapp", operation=operation, write=write)
        try:
            refuse(error, operation=operation, status=answer.status_code)
        except RetryLater as exc:
            exc.retry_after_s = retry_after_s(answer.headers) or exc.retry_after_s
            raise
