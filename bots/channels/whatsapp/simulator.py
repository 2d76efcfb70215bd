"""A pretend Graph API: one WhatsApp number with buyers, windows, media, templates and its bad days.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api and Meta's OpenAPI description
(v23.0). Composed from their fields.
"""

from __future__ import annotations

import hashlib
import hmac
import itertools
import json
import re
import time
from dataclasses import dataclass, field
from typing import Any

import httpx

from bots.channels.base import Config, Inbound
from tenants.kernel.simulate import Answer, Request, Simulator

TOKEN = "EAApretendsystemusertokenofashop"
APP_SECRET = "pretend-app-secret-0123456789abcdef"
PHONE_ID, ACCOUNT_ID = "900000000000202", "900000000000101"
DISPLAY = "+7 900 555-00-01"
DAY = 24 * 3600
# A burst to one buyer that is let through at once; then one message in six seconds.
PAIR_BURST, PAIR_S = 45, 6.0
_LIMITS = {
    "image": 5, "audio": 16, "video": 16, "document": 100,
}  # fmt: skip
_MIMES = {
    "image": ("image/jpeg", "image/png"),
    "audio": ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg", "audio/opus"),
    "video": ("video/mp4", "video/3gpp"),
}


@dataclass
class Buyer:
    """`user_id`: the business-scoped id; `hides`: the phone is told to nobody."""

    wa_id: str
    name: str = "Анна"
    user_id: str = ""
    hides: bool = False
    is_gone: bool = False
    wrote_at: float | None = None
    seen: list[dict[str, Any]] = field(default_factory=list)
    sent_at: list[float] = field(default_factory=list)

    @property
    def chat(self) -> str:
        return self.user_id or self.wa_id


class WhatsAppSimulator(Simulator):
    """One number. `buyer_says` is the other side; `sent` is what the shop said, in order.

    `now` is its own clock: `advance` lets windows close and limits recover.
    """

    def __init__(self, token: str = TOKEN, app_secret: str = APP_SECRET) -> None:
        super().__init__()
        self.token, self.app_secret = token, app_secret
        self.buyers: dict[str, Buyer] = {}
        self.sent: list[dict[str, Any]] = []
        self.read: list[dict[str, Any]] = []
        self.media: dict[str, tuple[bytes, str]] = {}
        self.links: dict[str, tuple[str, float]] = {}
        self.templates: dict[tuple[str, str], dict[str, Any]] = {}
        self.catalogue: set[str] = set()
        self.is_subscribed = False
        self.webhook = self.verify_token = ""
        self.is_expired = False
        self.expires_at = 0
        self.asks_hook = False  # calls the address it is given, as Meta does
        self.waiting: list[dict[str, Any]] = []
        self.now = time.time()
        self._ids = itertools.count(1)
        at = "/{version}/{node}"
        for method, path, handler in (
            ("GET", "/lookaside/{key}", self._download),
            ("GET", "/{version}/debug_token", self._debug),
            ("POST", at + "/messages", self._messages),
            ("POST", at + "/media", self._upload),
            ("GET", at + "/message_templates", self._templates),
            ("POST", at + "/message_templates", self._create_template),
            ("GET", at + "/subscribed_apps", self._subscribed),
            ("POST", at + "/subscribed_apps", self._subscribe),
            ("GET", at, self._node),
            ("POST", at, self._change_number),
        ):
            self.route(method, path, handler)

    @classmethod
    def settings(cls) -> dict[str, str]:
        return {
            "phone_number_id": PHONE_ID,
            "business_account_id": ACCOUNT_ID,
            "token": TOKEN,
            "app_secret": APP_SECRET,
        }

    # ── the buyer's side ──
    def buyer(self, wa_id: str = "79005550002", **more: Any) -> Buyer:
        return self.buyers.setdefault(wa_id, Buyer(wa_id, **more))

    def advance(self, seconds: float) -> None:
        self.now += seconds

    def buyer_says(self, text: str = "", *, wa_id: str = "79005550002", **more: Any) -> str:
        """A message of a buyer, waiting to be delivered; its id. `more`: another type's parts."""
        buyer = self.buyer(wa_id)
        buyer.wrote_at = self.now
        buyer.is_gone = False
        part = more or {"type": "text", "text": {"body": text}}
        ident = self._wamid()
        message: dict[str, Any] = {"id": ident, "timestamp": str(int(self.now)), **part}
        contact: dict[str, Any] = {"profile": {"name": buyer.name}}
        if not buyer.hides:
            message["from"] = contact["wa_id"] = buyer.wa_id
        if buyer.user_id:
            contact["user_id"] = buyer.user_id
        self._happens({"contacts": [contact], "messages": [message]})
        return ident

    def buyer_presses(self, title: str, *, wa_id: str = "79005550002") -> str:
        """Press a button or a row of the newest message that has it. KeyError when none has."""
        for message in reversed(self.buyer(wa_id).seen):
            action = message.get("interactive", {}).get("action", {})
            found = [("button_reply", one["reply"]) for one in action.get("buttons", [])]
            found += [
                ("list_reply", {**row, "description": row.get("description", "")})
                for section in action.get("sections", [])
                for row in section.get("rows", [])
            ]
            for kind, reply in found:
                if reply["title"] == title:
                    return self.buyer_says(
                        wa_id=wa_id,
                        type="interactive",
                        interactive={"type": kind, kind: reply},
                        context={"from": DISPLAY, "id": message["id"]},
                    )
        raise KeyError(title)

    def buyer_sends(
        self, kind: str, content: bytes, mime: str, *, wa_id: str = "79005550002", **more: Any
    ) -> str:
        """A file of a buyer."""
        ident = self._keep(content, mime)
        about = {
            "id": ident, "mime_type": mime, "sha256": hashlib.sha256(content).hexdigest(), **more
        }  # fmt: skip
        part: dict[str, Any] = {"type": kind, kind: about}
        return self.buyer_says(wa_id=wa_id, **part)

    def owner_says(self, text: str, *, wa_id: str = "79005550002") -> str:
        """The shop's owner answers in the Business app on the phone."""
        ident = self._wamid()
        echo = {
            "from": re.sub(r"\D", "", DISPLAY), "to": wa_id, "id": ident,
            "timestamp": str(int(self.now)), "type": "text", "text": {"body": text},
        }  # fmt: skip
        self._happens({"message_echoes": [echo]}, kind="smb_message_echoes")
        return ident

    def status(self, ident: str, state: str, *, code: int = 0) -> None:
        """What becomes of a message of the shop: sent, delivered, read, failed with a code."""
        message = next(one for one in self.sent if one["id"] == ident)
        about: dict[str, Any] = {
            "id": ident,
            "status": state,
            "timestamp": str(int(self.now)),
            "recipient_id": message["wa_id"],
        }
        if ours := message.get("biz_opaque_callback_data"):
            about["biz_opaque_callback_data"] = ours
        if state == "failed":
            about["errors"] = [
                {"code": code, "title": "failed", "message": "failed",
                 "error_data": {"details": "pretended"}}
            ]  # fmt: skip
        else:
            about["pricing"] = {"billable": True, "pricing_model": "PMP", "category": "service"}
        self._happens({"statuses": [about]})

    def template_decided(
        self, name: str, event: str = "APPROVED", *, language: str = "ru", reason: str = "NONE"
    ) -> None:
        template = self.templates[name, language]
        template["status"] = event
        template["rejected_reason"] = reason
        value = {
            "event": event,
            "message_template_id": int(template["id"]),
            "message_template_name": name,
            "message_template_language": language,
            "reason": reason,
        }
        self._happens(value, kind="message_template_status_update", of_number=False)

    def _happens(
        self, value: dict[str, Any], *, kind: str = "messages", of_number: bool = True
    ) -> None:
        if of_number:
            value = {
                "messaging_product": "whatsapp",
                "metadata": {
                    "display_phone_number": re.sub(r"\D", "", DISPLAY),
                    "phone_number_id": PHONE_ID,
                },
                **value,
            }
        change = {"field": kind, "value": value}
        self.waiting.append({"id": ACCOUNT_ID, "time": int(self.now), "changes": [change]})

    def signed(self, *entries: dict[str, Any]) -> tuple[bytes, dict[str, str]]:
        """A call's body, its letters escaped as Meta does, and its headers."""
        body = json.dumps({"object": "whatsapp_business_account", "entry": entries}).encode()
        digest = hmac.new(self.app_secret.encode(), body, hashlib.sha256).hexdigest()
        kind = "application/json"
        return body, {"content-type": kind, "x-hub-signature-256": f"sha256={digest}"}

    def deliver(self, *, times: int = 1, together: bool = False) -> list[int]:
        """Call the webhook with all that waits; returns the answers' statuses."""
        waiting, self.waiting = self.waiting, []
        calls = [waiting] if together and waiting else [[entry] for entry in waiting]
        statuses = []
        with httpx.Client(timeout=10, trust_env=False) as client:
            for entries in calls:
                body, headers = self.signed(*entries)
                for _time in range(times):
                    answer = client.post(self.webhook, content=body, headers=headers)
                    statuses.append(answer.status_code)
                if statuses[-1] != 200:
                    self.waiting += entries
        return statuses

    def texts(self, wa_id: str = "79005550002") -> list[str]:
        """What the buyer has on the screen, as words."""
        return [words_of(one) for one in self.buyer(wa_id).seen]

    # ── the shop's side ──
    def is_scripted(self, request: Request) -> bool:
        return request.path.endswith("/messages")

    def _allowed(self, request: Request) -> Answer | None:
        told = request.headers.get("authorization", "")
        if told != f"Bearer {self.token}" or self.is_expired:
            return error(190, "access token", status=401, kind="OAuthException")
        proof = request.query.get("appsecret_proof")
        if proof is not None:
            expected = hmac.new(self.app_secret.encode(), self.token.encode(), hashlib.sha256)
            if not hmac.compare_digest(proof, expected.hexdigest()):
                return error(100, "Invalid appsecret_proof provided in the API argument")
        return None

    def _debug(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        return Answer.json({"data": {"is_valid": True, "expires_at": self.expires_at}})

    def _node(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        node = request.params["node"]
        if node in self.media:
            content, mime = self.media[node]
            key = f"{node}-{next(self._ids)}"
            self.links[key] = (node, self.now + 300)
            return Answer.json(
                {
                    "messaging_product": "whatsapp",
                    "url": f"http://{request.headers['host']}/lookaside/{key}",
                    "mime_type": mime,
                    "sha256": hashlib.sha256(content).hexdigest(),
                    "file_size": str(len(content)),
                    "id": node,
                }
            )
        if node != PHONE_ID:
            return error(100, "Object does not exist", subcode=33)
        about: dict[str, Any] = {
            "verified_name": "Лавка «Север»",
            "display_phone_number": DISPLAY,
            "quality_rating": "GREEN",
            "name_status": "APPROVED",
            "id": PHONE_ID,
        }
        if "webhook_configuration" in request.query.get("fields", ""):
            about["webhook_configuration"] = {"phone_number": self.webhook} if self.webhook else {}
        return Answer.json(about)

    async def _change_number(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        told = (request.json() or {}).get("webhook_configuration", {})
        if request.params["node"] != PHONE_ID or "override_callback_uri" not in told:
            return error(100, "Invalid parameter")
        address, token = told["override_callback_uri"], told.get("verify_token", "")
        if address and self.asks_hook and not await self._proves(address, token):
            return error(2200, "Callback verification failed")
        self.webhook, self.verify_token = address, token
        return Answer.json({"success": True})

    async def _proves(self, address: str, token: str) -> bool:
        asked = {"hub.mode": "subscribe", "hub.verify_token": token, "hub.challenge": "1158201444"}
        async with httpx.AsyncClient(timeout=5, trust_env=False) as client:
            answer = await client.get(address, params=asked)
        return answer.status_code == 200 and answer.text == "1158201444"

    def _subscribed(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        app = {"whatsapp_business_api_data": {"id": "900000000000303", "name": "Лавка"}}
        return Answer.json({"data": [app] if self.is_subscribed else []})

    def _subscribe(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        if request.params["node"] != ACCOUNT_ID:
            return error(100, "Object does not exist", subcode=33)
        self.is_subscribed = True
        return Answer.json({"success": True})

    def _upload(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        parts = {part.name: part for part in request.parts()}
        if "file" not in parts or "messaging_product" not in parts:
            return error(131008, "file and messaging_product are needed")
        file = parts["file"]
        if len(file.content) > _LIMITS["document"] * 1024 * 1024:
            return error(131053, "too large")
        return Answer.json({"id": self._keep(file.content, file.mime)})

    def _keep(self, content: bytes, mime: str) -> str:
        ident = str(800_000_000_000_000 + next(self._ids))
        self.media[ident] = (content, mime)
        return ident

    def _download(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        node, until = self.links.get(request.params["key"], ("", 0.0))
        if self.now > until or node not in self.media:
            return Answer(404, b"URL expired", {"content-type": "text/plain"})
        content, mime = self.media[node]
        return Answer(200, content, {"content-type": mime})

    # ── messages ──
    def _messages(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        data = request.json()
        if request.params["node"] != PHONE_ID:
            return error(100, "Object does not exist", subcode=33)
        if not isinstance(data, dict) or data.get("messaging_product") != "whatsapp":
            return error(131008, "messaging_product is needed")
        if data.get("status") == "read":
            self.read.append(data)
            return Answer.json({"success": True})
        buyer = self._addressee(data)
        if buyer is None or buyer.is_gone:
            return error(131026, "Message undeliverable")
        kind = str(data.get("type"))
        is_open = buyer.wrote_at is not None and self.now < buyer.wrote_at + DAY
        if kind != "template" and not is_open:
            return error(131047, "Re-engagement message")
        if fault := self._fault(kind, data):
            return fault
        buyer.sent_at = [at for at in buyer.sent_at if at > self.now - PAIR_BURST * PAIR_S]
        if len(buyer.sent_at) >= PAIR_BURST:
            return error(131056, "Pair rate limit hit")
        buyer.sent_at.append(self.now)
        message = {**data, "id": self._wamid(), "wa_id": buyer.wa_id}
        buyer.seen.append(message)
        self.sent.append(message)
        told = {"input": data.get("to") or data.get("recipient")}
        contact = told if buyer.hides else {**told, "wa_id": buyer.wa_id}
        return Answer.json(
            {
                "messaging_product": "whatsapp",
                "contacts": [contact],
                "messages": [{"id": message["id"], "message_status": "accepted"}],
            }
        )

    def _addressee(self, data: dict[str, Any]) -> Buyer | None:
        if scoped := data.get("recipient"):
            return next((b for b in self.buyers.values() if b.user_id == scoped), None)
        found = self.buyers.get(re.sub(r"\D", "", str(data.get("to", ""))))
        return None if found is None or found.hides else found

    def _fault(self, kind: str, data: dict[str, Any]) -> Answer | None:
        part = data.get(kind)
        if not isinstance(part, dict):
            return error(131008, f"{kind} is needed")
        if len(str(data.get("biz_opaque_callback_data", ""))) > 512:
            return error(131009, "biz_opaque_callback_data is too long")
        match kind:
            case "text":
                return _long(part.get("body"), 4096)
            case "image" | "audio" | "video" | "document":
                return self._media_fault(kind, part)
            case "interactive":
                return self._interactive_fault(part)
            case "template":
                return self._template_fault(part)
        return error(131051, "Unsupported message type")

    def _media_fault(self, kind: str, part: dict[str, Any]) -> Answer | None:
        if part.get("id") not in self.media:
            return error(131009, "media id is not known")
        content, mime = self.media[part["id"]]
        if kind in _MIMES and mime not in _MIMES[kind]:
            return error(131053, "the type of the media is not supported")
        if len(content) > _LIMITS[kind] * 1024 * 1024:
            return error(131053, "the media is too large")
        if kind == "audio" and "caption" in part:
            return error(131009, "no caption here")
        return _long(part["caption"], 1024) if "caption" in part else None

    def _interactive_fault(self, part: dict[str, Any]) -> Answer | None:
        kind, action = part.get("type"), part.get("action")
        if not isinstance(action, dict):
            return error(131008, "action is needed")
        body = part.get("body", {}).get("text")
        if fault := _long(body, 4096 if kind == "list" else 1024):
            return fault
        match kind:
            case "button":
                named = [one["reply"] for one in action["buttons"]]
                return _named_fault(named, most=3, title=20, ident=256)
            case "list":
                rows = [row for section in action["sections"] for row in section["rows"]]
                if not 1 <= len(action.get("button", "")) <= 20:
                    return error(131009, "button's text")
                return _named_fault(rows, most=10, title=24, ident=200)
            case "cta_url":
                told = action["parameters"]
                fits = 1 <= len(told["display_text"]) <= 20 and told["url"].startswith("http")
                return None if fits else error(131009, "a link's button")
            case "product" | "product_list" | "catalog_message":
                return self._goods_fault(str(kind), part, action)
        return error(131009, f"interactive {kind}")

    def _goods_fault(
        self, kind: str, part: dict[str, Any], action: dict[str, Any]
    ) -> Answer | None:
        if kind == "product":
            ids = [action["product_retailer_id"]]
        elif kind == "catalog_message":
            ids = [action["parameters"]["thumbnail_product_retailer_id"]]
        else:
            ids = [
                item["product_retailer_id"]
                for section in action["sections"]
                for item in section["product_items"]
            ]
            if _long(part.get("header", {}).get("text"), 60) or len(ids) > 30:
                return error(131009, "a list of products has a header and at most 30 goods")
        unknown = set(ids) - self.catalogue
        return error(131009, f"Products not found: {sorted(unknown)}") if unknown else None

    def _template_fault(self, part: dict[str, Any]) -> Answer | None:
        key = (part.get("name"), part.get("language", {}).get("code"))
        found = self.templates.get(key)  # type: ignore[arg-type]
        if found is None or found["status"] == "PENDING":
            return error(132001, "Template name does not exist in the translation")
        if found["status"] == "PAUSED":
            return error(132015, "Template is paused")
        if found["status"] != "APPROVED":
            return error(132016, "Template is disabled")
        text = found["components"][0]["text"]
        values = [
            one.get("text", "")
            for component in part.get("components", [])
            if component["type"] == "body"
            for one in component["parameters"]
        ]
        if len(values) != len(set(re.findall(r"\{\{\d+\}\}", text))):
            return error(132000, "Number of parameters does not match")
        if any(not one or re.search(r"[\n\t]| {5}", one) for one in values):
            return error(132008, "Parameter format")
        if len(text) + sum(map(len, values)) > 1024 + 200:
            return error(132005, "Translated text too long")
        part["pretend_text"] = re.sub(
            r"\{\{(\d+)\}\}", lambda found: values[int(found[1]) - 1], text
        )
        return None

    # ── templates ──
    def _templates(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        if request.params["node"] != ACCOUNT_ID:
            return error(100, "Object does not exist", subcode=33)
        rows = list(self.templates.values())
        limit = int(request.query.get("limit") or 25)
        start = int(request.query.get("after") or 0)
        end = start + limit
        paging: dict[str, Any] = {"cursors": {"before": str(start), "after": str(end)}}
        if end < len(rows):
            paging["next"] = f"http://{request.headers['host']}{request.path}?after={end}"
        return Answer.json({"data": rows[start:end], "paging": paging})

    def _create_template(self, request: Request) -> Answer:
        if refused := self._allowed(request):
            return refused
        data = request.json()
        name, language = data.get("name", ""), data.get("language", "")
        if not re.fullmatch(r"[a-z0-9_]{1,512}", name) or not language:
            return error(100, "Invalid parameter: name, language")
        if (name, language) in self.templates:
            return error(100, "There is already content in this language", subcode=2388024)
        body = next((c for c in data["components"] if c["type"].upper() == "BODY"), None)
        if body is None or _long(body.get("text"), 1024):
            return error(100, "Invalid parameter: body")
        places = re.findall(r"\{\{(\d+)\}\}", body["text"])
        examples = body.get("example", {}).get("body_text", [[]])[0]
        if len(examples) != len(set(places)):
            return error(100, "Invalid parameter: examples", subcode=2388043)
        if re.match(r"\{\{", body["text"]) or body["text"].endswith("}}"):
            return error(100, "Variables at the start or the end", subcode=2388299)
        row = {
            "id": str(700_000_000_000_000 + next(self._ids)),
            "name": name,
            "language": language,
            "category": data.get("category", "UTILITY"),
            "status": "PENDING",
            "components": [{"type": "BODY", "text": body["text"]}],
        }
        self.templates[name, language] = row
        return Answer.json({k: row[k] for k in ("id", "status", "category")})

    def _wamid(self) -> str:
        return f"wamid.PRETEND{next(self._ids):08d}=="


def words_of(message: dict[str, Any]) -> str:
    """A message of the shop as the buyer reads it."""
    part = message[message["type"]]
    match message["type"]:
        case "text":
            return str(part["body"])
        case "interactive":
            return str(part["body"]["text"])
        case "template":
            return str(part["pretend_text"])
    return str(part.get("caption", ""))


def _long(text: Any, limit: int) -> Answer | None:
    if isinstance(text, str) and 1 <= len(text) <= limit and text.strip():
        return None
    return error(100, f"a text of 1 to {limit} characters is needed")


def _named_fault(
    named: list[dict[str, Any]], *, most: int, title: int, ident: int
) -> Answer | None:
    ids = [one["id"] for one in named]
    fits = (
        1 <= len(named) <= most
        and len(set(ids)) == len(ids)
        and all(1 <= len(one["id"]) <= ident and 1 <= len(one["title"]) <= title for one in named)
    )
    return None if fits else error(131009, "Parameter value is not valid")


def error(
    code: int, message: str, *, status: int = 400, subcode: int = 0, kind: str = "OAuthException"
) -> Answer:
    """As Graph API says it."""
    about: dict[str, Any] = {
        "message": f"(#{code}) {message}",
        "type": kind,
        "code": code,
        "error_data": {"messaging_product": "whatsapp", "details": message},
        "fbtrace_id": "AAApretend",
    }
    if subcode:
        about["error_subcode"] = subcode
    return Answer.json({"error": about}, status)


# ── for measuring (manage.py bench ingest --channel) ──
def example_account() -> dict[str, Any]:
    """Of Config: the account whose hook `hook_example` calls."""
    return {
        "settings": {"phone_number_id": PHONE_ID, "business_account_id": ACCOUNT_ID},
        "secrets": {"token": TOKEN, "app_secret": APP_SECRET, "hook": "verify-token_1"},
    }


def hook_example(config: Config, number: int) -> Inbound:
    """A buyer's message as WhatsApp sends it."""
    buyer = str(79_005_550_000 + number % 500)
    said = {
        "from": buyer,
        "id": f"wamid.EXAMPLE{number:08d}==",
        "timestamp": "1782038400",
        "type": "text",
        "text": {"body": "Здравствуйте, подскажите, пожалуйста, есть ли куртка в 46 размере?"},
    }
    value = {
        "messaging_product": "whatsapp",
        "metadata": {"display_phone_number": "79005550001", "phone_number_id": PHONE_ID},
        "contacts": [{"profile": {"name": "Анна"}, "wa_id": buyer}],
        "messages": [said],
    }
    entry = {"id": ACCOUNT_ID, "changes": [{"field": "messages", "value": value}]}
    called = {"object": "whatsapp_business_account", "entry": [entry]}
    body = json.dumps(called, ensure_ascii=False).encode()
    digest = hmac.new(config.secrets["app_secret"].encode(), body, hashlib.sha256).hexdigest()
    return Inbound(body, {"x-hub-signature-256": f"sha256={digest}"})
