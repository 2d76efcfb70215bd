"""A pretend Alexa: a certificate authority, a device, the interaction model and the signature.

Source: https://developer.amazon.com/docs/alexa/custom-skills/ (read 2026-11-22). Composed from the
documentation's fields. What is said is matched against the very model a merchant imports.
"""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any
from uuid import uuid4
from xml.etree import ElementTree

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from bots.channels.alexa.model import interaction_model
from bots.channels.base import Config, Inbound
from bots.channels.device import Device, Heard, inside, must
from tenants.kernel.simulate import Answer

SKILL_ID = "amzn1.ask.skill.00000000-0000-4000-8000-0000000000a1"
CHAIN_PATH = "/echo.api/echo-api-cert-pretend.pem"
CHAIN_URL = f"https://s3.amazonaws.com{CHAIN_PATH}"


@dataclass(frozen=True)
class Authority:
    """A root nobody knows, and a chain below it. `root`, `chain`: PEM."""

    root: str
    chain: bytes
    key: rsa.RSAPrivateKey

    def sign(self, body: bytes) -> str:
        return base64.b64encode(self.key.sign(body, padding.PKCS1v15(), hashes.SHA256())).decode()


@cache
def authority(name: str = "echo-api.amazon.com", *, days_ago: int = 1, days: int = 30) -> Authority:
    """`name`: whom the chain is made out to; good from `days_ago` days ago for `days` days."""
    begins = datetime.now(UTC) - timedelta(days=days_ago)
    root_key, middle_key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))
    key = rsa.generate_private_key(65537, 2048)
    root = _certificate("Pretend Root", root_key, "Pretend Root", root_key, begins, 365)
    middle = _certificate("Pretend Services", middle_key, "Pretend Root", root_key, begins, 365)
    leaf = _certificate(name, key, "Pretend Services", middle_key, begins, days, leaf=True)
    pem = serialization.Encoding.PEM
    chain = leaf.public_bytes(pem) + middle.public_bytes(pem)
    return Authority(root.public_bytes(pem).decode(), chain, key)


def _certificate(
    name: str, key: Any, issuer: str, signed_by: Any, begins: datetime, days: int, *,
    leaf: bool = False,
) -> x509.Certificate:  # fmt: skip
    def named(text: str) -> x509.Name:
        return x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, text)])

    made = (
        x509.CertificateBuilder()
        .subject_name(named(name))
        .issuer_name(named(issuer))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(begins + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signed_by.public_key()), False
        )
        .add_extension(x509.BasicConstraints(ca=not leaf, path_length=None), True)
        .add_extension(
            x509.KeyUsage(leaf, False, leaf, False, False, not leaf, not leaf, False, False), True
        )
    )
    if leaf:
        made = made.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), False)
        made = made.add_extension(
            x509.ExtendedKeyUsage([x509.ExtendedKeyUsageOID.SERVER_AUTH]), False
        )
    return made.sign(signed_by, hashes.SHA256())


class AlexaSimulator(Device):
    waits_s = 8.0

    def __init__(
        self, skill_id: str = SKILL_ID, *, user: str = "amzn1.ask.account.A1",
        locale: str = "en-US", ca: Authority | None = None, token: str = "",
    ) -> None:  # fmt: skip
        super().__init__()
        self.skill_id, self.user, self.locale, self.token = skill_id, user, locale, token
        self.ca = ca or authority()
        self.route("GET", CHAIN_PATH, lambda _: Answer(200, self.ca.chain))
        self._begin()

    def _begin(self) -> None:
        self.session_id, self.is_new = f"amzn1.echo-api.session.{uuid4()}", True
        self.attributes: dict[str, Any] = {}

    def call(self, text: str) -> Inbound:
        return self.signed(self.body_of(text))

    def body_of(self, text: str) -> dict[str, Any]:
        if not text:
            return self.envelope({"type": "LaunchRequest"})
        name, slots = understood(text)
        return self.intent(name, **slots)

    def intent(self, name: str, **slots: str) -> dict[str, Any]:
        heard = {
            slot: {"name": slot, "value": value, "confirmationStatus": "NONE"}
            for slot, value in slots.items()
        }
        return self.envelope(
            {
                "type": "IntentRequest",
                "dialogState": "COMPLETED",
                "intent": {"name": name, "confirmationStatus": "NONE", "slots": heard},
            }
        )

    def envelope(self, request: dict[str, Any], *, at: datetime | None = None) -> dict[str, Any]:
        user = {"userId": self.user} | ({"accessToken": self.token} if self.token else {})
        stamp = (at or datetime.now(UTC)).strftime("%Y-%m-%dT%H:%M:%SZ")
        body = {
            "version": "1.0",
            "session": {
                "new": self.is_new,
                "sessionId": self.session_id,
                "application": {"applicationId": self.skill_id},
                "attributes": self.attributes,
                "user": user,
            },
            "context": {
                "System": {
                    "application": {"applicationId": self.skill_id},
                    "user": user,
                    "device": {"deviceId": "amzn1.ask.device.B1", "supportedInterfaces": {}},
                    "apiEndpoint": "https://api.eu.amazonalexa.com",
                    "apiAccessToken": "of-the-platform",
                }
            },
            "request": {
                "requestId": f"amzn1.echo-api.request.{uuid4()}",
                "timestamp": stamp,
                "locale": self.locale,
                **request,
            },
        }
        self.is_new = False
        return body

    def signed(self, body: Any) -> Inbound:
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return Inbound(
            raw,
            {
                "content-type": "application/json; charset=utf-8",
                "signaturecertchainurl": CHAIN_URL,
                "signature-256": self.ca.sign(raw),
            },
        )

    def play(self, answer: Any) -> Heard:
        must(inside(answer, "version") == "1.0", "version")
        must(len(json.dumps(answer, ensure_ascii=False).encode()) <= 120 * 1024, "too large")
        response = inside(answer, "response")
        must(isinstance(response, dict), "no response")
        self.attributes = answer.get("sessionAttributes", {})
        card = response.get("card") or {}
        must(len(card.get("content", "") + card.get("title", "")) <= 8000, "card")
        ends = response.get("shouldEndSession")
        if ends:
            self._begin()
        if "outputSpeech" not in response:
            return Heard("", ends=bool(ends))
        shown = card.get("content", "") or card.get("type", "")
        return Heard(_spoken(response["outputSpeech"]), shown, bool(ends))


def _spoken(speech: dict[str, Any]) -> str:
    must(speech["type"] == "SSML" and len(speech["ssml"]) <= 8000, "speech")
    try:
        root = ElementTree.fromstring(speech["ssml"])
    except ElementTree.ParseError as exc:
        raise_unplayable(exc)
    must(root.tag == "speak" and {one.tag for one in root} <= {"break"}, "unknown marks")
    return re.sub(r"\s+", " ", "".join(root.itertext())).strip()


def raise_unplayable(exc: Exception) -> None:
    must(False, f"not well formed: {exc}")


@cache
def _patterns() -> list[tuple[int, str, re.Pattern[str]]]:
    """Of every sample: how many letters are literal, the intent, and what it matches."""
    language = interaction_model("the shop")["interactionModel"]["languageModel"]
    found = []
    for intent in language["intents"]:
        types = {slot["name"]: slot["type"] for slot in intent.get("slots", ())}
        for sample in intent["samples"]:
            literal = re.sub(r"{\w+}", "", sample)
            pattern = re.escape(sample).replace(r"\ ", " ")
            for slot, kind in types.items():
                what = r"\d+" if kind == "AMAZON.NUMBER" else ".+"
                pattern = pattern.replace(re.escape("{" + slot + "}"), f"(?P<{slot}>{what})")
            found.append((len(literal), intent["name"], re.compile(pattern)))
    return sorted(found, key=lambda one: -one[0])


_BUILT_IN = {
    "help": "AMAZON.HelpIntent", "stop": "AMAZON.StopIntent", "cancel": "AMAZON.CancelIntent",
    "repeat": "AMAZON.RepeatIntent", "yes": "AMAZON.YesIntent", "no": "AMAZON.NoIntent",
}  # fmt: skip


def understood(text: str) -> tuple[str, dict[str, str]]:
    """The intent and its slots, as the imported model has them; the fallback for what has none."""
    said = re.sub(r"[^\w' ]+", "", text.lower()).strip()
    if said in _BUILT_IN:
        return _BUILT_IN[said], {}
    for _, name, pattern in _patterns():
        if match := pattern.fullmatch(said):
            return name, {slot: value for slot, value in match.groupdict().items() if value}
    return "AMAZON.FallbackIntent", {}


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls, with the chain at hand."""
    from bots.channels.alexa import chains

    ca = authority()
    chains.keep(CHAIN_URL, ca.chain, ca.root)
    return {"settings": {"skill_id": SKILL_ID}, "ca_bundle": ca.root}


def hook_example(config: Config, number: int) -> Inbound:
    """What somebody said as Alexa tells it."""
    device = AlexaSimulator(user=f"AA{number % 500:02d}")
    body = device.intent("AskIntent", query="do you have the jacket in size forty six")
    body["request"]["requestId"] = f"amzn1.echo-api.request.{number}"
    return device.signed(json.dumps(body).encode())
