"""A push service and a browser of it, by RFC 8030, 8291 and 8292, over real HTTP."""

from __future__ import annotations

import base64
import json
import time
from dataclasses import dataclass, field
from typing import Any

import http_ece
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tenants.kernel.simulate import Answer, Request, Simulator


def b64(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def unb64(value: str) -> bytes:
    return base64.urlsafe_b64decode(value + "=" * (-len(value) % 4))


@dataclass
class Browser:
    """What a page keeps of its subscription; opens what is pushed to it."""

    name: str
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )
    auth: bytes = b"0123456789abcdef"
    endpoint: str = ""
    got: list[dict[str, Any]] = field(default_factory=list)
    heads: list[dict[str, str]] = field(default_factory=list)

    def subscription(self) -> dict[str, Any]:
        point = self.key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
        return {
            "endpoint": self.endpoint,
            "keys": {"p256dh": b64(point), "auth": b64(self.auth)},
            "device": self.name,
        }


class PushService(Simulator):
    """Takes pushes for its browsers; refuses what is not signed by the key they subscribed with."""

    def __init__(self) -> None:
        super().__init__()
        self.browsers: dict[str, Browser] = {}
        self.server_key = ""
        self.bodies: list[bytes] = []
        self.route("POST", "/push/{name}", self._push)

    def browser(self, name: str, base: str) -> Browser:
        found = self.browsers[name] = Browser(name, endpoint=f"{base}/push/{name}")
        return found

    def _push(self, request: Request) -> Answer:
        browser = self.browsers.get(request.params["name"])
        if browser is None:
            return Answer(410, b"")
        head = request.headers
        scheme, _space, rest = head["authorization"].partition(" ")
        parts = dict(one.strip().split("=", 1) for one in rest.split(","))
        if scheme != "vapid" or parts["k"] != self.server_key or not signed(parts["t"], parts["k"]):
            return Answer(403, b"")
        claims = json.loads(unb64(parts["t"].split(".")[1]))
        origin = browser.endpoint.split("/push/")[0]
        if claims["aud"] != origin or not time.time() < claims["exp"] <= time.time() + 86400:
            return Answer(403, b"")
        if not claims["sub"].startswith(("https://", "mailto:")) or "ttl" not in head:
            return Answer(400, b"")
        if len(request.body) > 4096:
            return Answer(413, b"")
        self.bodies.append(request.body)
        plain = http_ece.decrypt(
            request.body,
            private_key=browser.key,
            auth_secret=browser.auth,
            version=head["content-encoding"],
        )
        browser.got.append(json.loads(plain))
        browser.heads.append({**head, "sub": claims["sub"]})
        return Answer(201, b"", {"Location": f"{origin}/message/1"})


def signed(token: str, key: str) -> bool:
    head, body, signature = token.split(".")
    raw = unb64(signature)
    public = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), unb64(key))
    pair = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    try:
        public.verify(pair, f"{head}.{body}".encode(), ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True
