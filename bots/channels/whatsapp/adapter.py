"""WhatsApp Business Cloud API.

Source: https://developers.facebook.com/docs/whatsapp/cloud-api and Meta's OpenAPI description
(v23.0). The README says what was not confirmed there.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
import mimetypes
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from hmac import compare_digest
from typing import Any
from urllib.parse import quote, urlsplit

from django.utils.translation import gettext_noop as _

from bots.channels.base import (
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    File,
    Inbound,
    Occurrence,
    PlatformTemplate,
    Reply,
    Sent,
    SignatureMismatch,
    Unreachable,
)
from bots.channels.whatsapp.client import MEDIA_LIMIT, Graph
from bots.channels.whatsapp.incoming import (
    TEMPLATE_STATES,
    envelopes_of,
    foreign_number,
    occurrences_of,
    reason_of,
)
from bots.channels.whatsapp.manifest import MANIFEST
from bots.channels.whatsapp.outgoing import calls_of, file_type
from tenants.kernel.errors import NotFound, Rejected, VendorError
from tenants.kernel.files import file_bytes

log = logging.getLogger(__name__)

# Meta brings hooks to public HTTPS addresses only.
_LOCAL = re.compile(r"^http:|//(localhost|127\.|\[::1\]|[^/:]*\.localhost)", re.I)
_ID = re.compile(r"\d{5,20}")
TEMPLATE_BODY = 1024
_PLACES = re.compile(r"\{\{\s*(\d+)\s*\}\}")
_CATEGORIES = {"utility": "UTILITY", "marketing": "MARKETING", "authentication": "AUTHENTICATION"}
_PAGES = 20


class WhatsApp(ChannelAdapter):
    manifest = MANIFEST

    # ── in ──
    def challenge(self, request: Inbound) -> tuple[int, bytes, str]:
        """Meta asks whether the address is ours: the token proves it; the bare value goes back."""
        told, ours = request.query.get("hub.verify_token", ""), self.config.secrets.get("hook", "")
        is_ours = bool(ours) and compare_digest(told.encode(), ours.encode())
        if request.query.get("hub.mode") != "subscribe" or not is_ours:
            return 403, b"wrong token", "text/plain"
        return 200, request.query.get("hub.challenge", "")[:500].encode(), "text/plain"

    def verify(self, request: Inbound) -> None:
        """Of the bytes as they came: a body written again differs in its escapes."""
        secret = self.config.secrets.get("app_secret", "")
        expected = hmac.new(secret.encode(), request.body, hashlib.sha256).hexdigest()
        sent = request.headers.get("x-hub-signature-256", "")
        if not secret or not compare_digest(sent.encode(), f"sha256={expected}".encode()):
            raise SignatureMismatch

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """What is refused is repeated for a week, so what is not ours is passed over.

        One app may serve several numbers and knows one address: another number's messages would
        end here. `connect` therefore gives each number an address of its own; where that was not
        possible, the page says once that somebody else's messages arrive here.
        """
        phone = str(self.config.settings.get("phone_number_id", ""))
        account = str(self.config.settings.get("business_account_id", ""))
        try:
            body = request.json()
        except (ValueError, RecursionError):
            log.warning("channel %s: no JSON, passed over", self.config.channel_id)
            return []
        found = envelopes_of(body, phone=phone, account=account)
        if not found and (other := foreign_number(body, phone)):
            payload = {"kind": "foreign", "value": other}
            return [Envelope(f"foreign:{other}", "account", payload)]
        return found

    def parse(self, payload: Any) -> list[Occurrence]:
        return occurrences_of(payload, language=self.config.language)

    def fetch_file(self, file: File) -> bytes:
        about = self._graph.call(
            "GET",
            quote(file.external_id, safe=""),
            "GET media",
            params={"phone_number_id": self._graph.phone},
        )
        if str(about.get("file_size", "0")).isdigit() and int(about.get("file_size", 0)) > (
            MEDIA_LIMIT
        ):
            raise ValueError("larger than the 100 MB WhatsApp lets through")
        return self._graph.download(str(about.get("url", "")))

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        return calls_of(reply, catalogue=str(self.config.settings.get("catalog_id") or ""))

    def send(self, call: Call) -> Sent:
        data = dict(call.data)
        if "stored" in call.files:
            data = self._with_media(call)
        try:
            return self._send(data)
        except Rejected:
            instead = call.files.get("instead")
            if not instead:
                raise
            kept = {k: v for k, v in data.items() if k not in ("type", "interactive")}
            return self._send({**kept, "type": "text", "text": {"body": instead}})

    def _send(self, data: Mapping[str, Any]) -> Sent:
        body = self._graph.call(
            "POST", f"{self._graph.phone}/messages", "POST messages", write=True, json=data
        )
        messages = body.get("messages")
        ident = messages[0].get("id") if isinstance(messages, list) and messages else None
        if not isinstance(ident, str) or not ident:
            self._graph.odd("POST messages", write=True)
        return Sent(str(ident))

    def _with_media(self, call: Call) -> dict[str, Any]:
        """The file goes up first; the message names it."""
        name, content = file_bytes(call.files["stored"])
        name = call.files.get("name") or name
        kind = str(call.data["type"])
        guessed = mimetypes.guess_type(name)[0] or "application/octet-stream"
        mime = call.files.get("mime") or guessed
        if kind != "document":
            family = {"audio": "voice"}.get(kind, kind)
            if file_type(File(family, name, mime, len(content))) != kind:
                kind = "document"
        data = {k: v for k, v in call.data.items() if k not in ("type", call.data["type"])}
        media = {**call.data[call.data["type"]], "id": self._graph.upload(name, content, mime)}
        if kind == "document":
            media["filename"] = name
        return {**data, "type": kind, kind: media}

    def mark_read(self, chat: str, external_id: str) -> None:
        self._read(external_id)

    def acknowledge(self, callback: str) -> None:
        """The bot has begun to answer: two blue ticks, and "typing" for 25 s or until it has."""
        self._read(callback, typing_indicator={"type": "text"})

    def _read(self, message: str, **more: Any) -> None:
        data = {"messaging_product": "whatsapp", "status": "read", "message_id": message, **more}
        self._quietly(
            lambda: self._graph.call(
                "POST", f"{self._graph.phone}/messages", "POST read", json=data, timeout_s=3
            )
        )

    # ── templates ──
    def templates(self) -> list[PlatformTemplate]:
        found: list[PlatformTemplate] = []
        params = {
            "fields": "name,language,status,category,components,rejected_reason",
            "limit": "100",
        }
        for _page in range(_PAGES):
            body = self._graph.call(
                "GET", f"{self._graph.account}/message_templates", "GET templates", params=params
            )
            rows = body.get("data")
            if not isinstance(rows, list):
                self._graph.odd("GET templates", write=False)
            found += [_template_of(row) for row in rows or () if isinstance(row, dict)]
            paging = body.get("paging") or {}
            after = (paging.get("cursors") or {}).get("after")
            if not after or not paging.get("next"):
                break
            params = {**params, "after": after}
        return found

    def template_submit(self, template: PlatformTemplate) -> PlatformTemplate:
        if fault := _fault(template):
            raise Rejected(fault, vendor="whatsapp", operation="POST templates")
        component: dict[str, Any] = {"type": "BODY", "text": template.body}
        if template.examples:
            component["example"] = {"body_text": [list(template.examples)]}
        body = self._graph.call(
            "POST",
            f"{self._graph.account}/message_templates",
            "POST templates",
            write=True,
            json={
                "name": template.name,
                "language": template.language,
                "category": _CATEGORIES[template.category],
                "components": [component],
            },
        )
        return PlatformTemplate(
            name=template.name,
            language=template.language,
            body=template.body,
            category=_category(body.get("category"), template.category),
            state=TEMPLATE_STATES.get(str(body.get("status")), "pending"),
            external_id=str(body.get("id", "")),
        )

    # ── account ──
    def connect(self) -> Check:
        settings = self.config.settings
        for name, words in (
            ("phone_number_id", _("The phone number ID is digits only: copy it from API Setup.")),
            ("business_account_id", _("The account ID is digits only: copy it from API Setup.")),
        ):
            if not _ID.fullmatch(str(settings.get(name, ""))):
                return Check(ok=False, detail=words)
        graph = self._graph
        try:
            # With the secret's proof: a wrong secret would otherwise show by messages not coming.
            number = graph.call(
                "GET",
                graph.phone,
                "GET number",
                params={
                    "fields": "display_phone_number,verified_name,quality_rating,name_status",
                    "appsecret_proof": graph.proof(),
                },
            )
        except NotFound:
            return Check(ok=False, detail=_("Meta knows no such phone number ID for this token."))
        except Rejected as exc:
            if "appsecret_proof" in exc.detail:
                return Check(
                    ok=False, detail=_("The app secret is not of the app that made the token.")
                )
            raise
        graph.call("POST", f"{graph.account}/subscribed_apps", "POST subscribed_apps")
        told = str(number.get("display_phone_number") or "")
        digits = re.sub(r"\D", "", told)
        account: dict[str, Any] = {
            "name": str(number.get("verified_name") or told),
            "number": f"+{digits}" if digits else "",
            "link": f"https://wa.me/{digits}" if digits else "",
            "quality": str(number.get("quality_rating") or ""),
            "mode": "webhook",
            "paste": [
                [_("Callback URL"), self.config.hook_url],
                [_("Verify token"), self.config.secrets.get("hook", "")],
            ],
        }
        account["notice"] = self._set_hook()
        if expires := self._expires():
            account["expires_at"] = expires
        return Check(ok=True, account=account)

    def _set_hook(self) -> str:
        """Have this number's messages brought to this channel's own address, whatever the app's
        other numbers use. What is left to do for a person, in words."""
        hook = self.config.hook_url
        if not hook or _LOCAL.search(hook):
            return _("Meta brings messages to public HTTPS addresses only: this one is not.")
        told = {
            "override_callback_uri": hook,
            "verify_token": self.config.secrets.get("hook", ""),
        }
        try:
            self._graph.call(
                "POST", self._graph.phone, "POST webhook", json={"webhook_configuration": told}
            )
        except (Rejected, Unreachable):
            log.warning("channel %s: Meta does not take our address", self.config.channel_id)
            return _(
                "Meta did not take our address by itself: paste it and the verify token in the "
                "app under WhatsApp, Configuration."
            )
        return ""

    def _expires(self) -> str:
        """When the token ends, as far as Meta tells: ISO; empty for never."""
        try:
            about = self._graph.call(
                "GET", "debug_token", "GET debug_token", params={"input_token": self._graph.token}
            ).get("data")
            ends = int(about.get("expires_at") or 0) if isinstance(about, dict) else 0
            return datetime.fromtimestamp(ends, UTC).isoformat() if ends else ""
        except (VendorError, Unreachable, ValueError, TypeError, OverflowError):
            return ""

    def disconnect(self) -> None:
        """The number's own address goes; the app stays subscribed for its other numbers."""
        data = {"webhook_configuration": {"override_callback_uri": ""}}
        self._quietly(
            lambda: self._graph.call(
                "POST", self._graph.phone, "POST webhook", json=data, timeout_s=5
            )
        )

    def health(self) -> Check:
        number = self._graph.call(
            "GET",
            self._graph.phone,
            "GET number",
            params={"fields": "display_phone_number,quality_rating,webhook_configuration"},
        )
        hooks, ours = number.get("webhook_configuration"), self.config.hook_url
        if not isinstance(hooks, dict) or not ours or _LOCAL.search(ours):
            return Check(ok=True)
        # The narrowest that is set is the one Meta calls.
        names = ("phone_number", "whatsapp_business_account", "application")
        used = str(next((hooks[name] for name in names if hooks.get(name)), ""))
        if used == ours:
            return Check(ok=True)
        if used and urlsplit(used).path != urlsplit(ours).path:
            return Check(ok=False, detail=_("another program gets this number's messages"))
        self._set_hook()  # none yet, or the shop's host is another by now
        return Check(ok=True)

    @property
    def _graph(self) -> Graph:
        return Graph(self.config)

    @staticmethod
    def _quietly(what: Callable[[], Any]) -> None:
        try:
            what()
        except (VendorError, Unreachable):  # best effort: a refusal here is nobody's loss
            return


def _category(told: Any, asked: Any) -> Any:
    return next((ours for ours, theirs in _CATEGORIES.items() if theirs == told), asked)


def _template_of(row: Mapping[str, Any]) -> PlatformTemplate:
    components = row.get("components")
    body = next(
        (
            str(one.get("text") or "")
            for one in components or ()
            if isinstance(one, dict) and str(one.get("type")).upper() == "BODY"
        ),
        "",
    )
    return PlatformTemplate(
        name=str(row.get("name") or ""),
        language=str(row.get("language") or ""),
        body=body,
        category=_category(row.get("category"), "utility"),
        state=TEMPLATE_STATES.get(str(row.get("status")), "pending"),
        reason=reason_of(row),
        external_id=str(row.get("id") or ""),
    )


def _fault(template: PlatformTemplate) -> str:
    """What Meta would refuse anyway, told before it is asked."""
    body = template.body.strip()
    if not re.fullmatch(r"[a-z0-9_]{1,512}", template.name):
        return _("A template's name has small Latin letters, digits and _ only.")
    if not body or len(body) > TEMPLATE_BODY:
        return _("A template has at most 1,024 characters.")
    numbers = [int(found) for found in _PLACES.findall(body)]
    if numbers != list(range(1, len(numbers) + 1)):
        return _("Values are numbered from {{1}} on, each once.")
    if _PLACES.match(body) or re.search(r"\{\{\s*\d+\s*\}\}$", body):
        return _("A template neither begins nor ends with a value: put words around it.")
    return ""
