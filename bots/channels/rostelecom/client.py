"""Rostelecom's HTTP API: signed JSON out, `result` "0" is good.

Source: “Virtual PBX” integration manual v7.5. The signature is the lower-case hex SHA-256 of the
client's code, the exact bytes of the body and the key, one after another.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from bots.channels.base import Config
from tenants.kernel.errors import Rejected, RetryLater
from tenants.kernel.http import outgoing, vendor_errors
from tenants.kernel.trust import russian_ca, trust

VENDOR = "rostelecom"
BASE = "https://api.cloudpbx.rt.ru"


def signature(client_id: str, body: bytes, key: str) -> str:
    return hashlib.sha256(client_id.encode() + body + key.encode()).hexdigest()


class Client:
    def __init__(self, config: Config) -> None:
        self._config = config
        self.base = (config.base_url or BASE).rstrip("/")

    def ask(self, method: str, body: Mapping[str, Any]) -> dict[str, Any]:
        """The answer's JSON where it is good. Raises VendorError; Rejected says why not."""
        try:
            found = json.loads(self.fetch(method, body))
        except ValueError as exc:
            raise RetryLater(
                "the answer is not understood", vendor=VENDOR, operation=method
            ) from exc
        if not isinstance(found, dict):
            raise RetryLater("the answer is not understood", vendor=VENDOR, operation=method)
        if str(found.get("result")) != "0":
            raise Rejected(
                str(found.get("resultMessage") or "refused")[:200],
                vendor=VENDOR, operation=method,
            )  # fmt: skip
        return found

    def fetch(self, method: str, body: Mapping[str, Any]) -> bytes:
        """The answer's bytes. What is signed is what is sent."""
        raw = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
        ident = str(self._config.settings.get("client_id", ""))
        key = self._config.secrets.get("sign_key", "")
        with (
            vendor_errors(VENDOR, method),
            outgoing(
                vendor=VENDOR, timeout_s=30.0, proxy=self._config.proxy or None,
                verify=_trusted(self._config),
            ) as http,
        ):  # fmt: skip
            answer = http.post(
                f"{self.base}/{method}",
                content=raw,
                headers={
                    "Content-Type": "application/json",
                    "X-Client-ID": ident,
                    "X-Client-Sign": signature(ident, raw, key),
                },
            )
            answer.raise_for_status()
            return answer.content


def _trusted(config: Config) -> Any:
    """The usual roots and the Russian one: the channel's, or the operator's."""
    pem = config.ca_bundle or str(config.settings.get("ca_pem") or "") or russian_ca(VENDOR)
    return trust(pem) if pem.strip() else True


__all__ = ["Client", "signature"]
