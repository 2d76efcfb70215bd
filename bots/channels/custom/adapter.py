"""Any program of the merchant's: it calls our hook, we call its address. docs/custom-channel.md.

Both directions carry the same signature. Every call of ours may come twice with the same
`message_id`, so a lost answer is met by asking again and a buyer reads a reply once.
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from bots.channels.base import (
    Call,
    ChannelAdapter,
    Check,
    Envelope,
    File,
    Inbound,
    Occurrence,
    Reply,
    Sent,
    SignatureMismatch,
    Unreachable,
    split_text,
)
from bots.channels.custom.inbound import ID_LENGTH, Refused, events_of, occurrence_of
from bots.channels.custom.manifest import MANIFEST
from bots.channels.custom.signature import SECRET_LENGTH, check, signed
from tenants.kernel.errors import NeedsMerchant, RetryLater, VendorError
from tenants.kernel.http import error_for, outgoing, vendor_errors
from tenants.kernel.trust import trust

VENDOR = "custom"
TIMEOUT_S = 15.0
LITTLE_S = 3.0  # for what nobody waits for
ANSWER_LIMIT = 64 * 1024
ACCEPTED = b'{"ok": true}'


class Custom(ChannelAdapter):
    manifest = MANIFEST

    # ── in ──
    def verify(self, request: Inbound) -> None:
        check(self.config.secrets.get("secret", ""), request.headers, request.body)

    def envelopes(self, request: Inbound) -> list[Envelope]:
        """All events of a call or, where one is wrong, none: the sender mends it and repeats."""
        return [Envelope(event["id"], event["chat"], event) for event in events_of(request.body)]

    def hook_answer(self, request: Inbound) -> tuple[int, bytes, str]:
        return 200, ACCEPTED, "application/json"

    def hook_refusal(self, why: Exception) -> tuple[int, bytes, str]:
        """Our own contract: whoever reads the answer is the merchant's developer."""
        if isinstance(why, SignatureMismatch):
            status, about = why.status, {"code": "wrong_signature", "message": str(why)}
        elif isinstance(why, Refused):
            status, about = 400, {"code": "bad_field", "field": why.field, "message": why.message}
        else:
            status, about = 400, {"code": "not_understood", "message": "not understood"}
        return status, json.dumps({"error": about}).encode(), "application/json"

    def parse(self, payload: Any) -> list[Occurrence]:
        return [occurrence_of(payload, is_vouched=bool(self.config.settings.get("is_vouched")))]

    def fetch_file(self, file: File) -> bytes:
        limit = self.manifest.max_file_bytes
        with (
            vendor_errors(VENDOR, "file"),
            self._http(timeout_s=60) as http,
            http.stream("GET", file.external_id) as answer,
        ):
            _refuse_way_on(answer, "file")
            content = b""
            for piece in answer.raise_for_status().iter_bytes():
                content += piece
                if len(content) > limit:
                    raise ValueError("larger than the 20 MB we fetch")
        return content

    # ── out ──
    def render(self, reply: Reply) -> list[Call]:
        """One call a part. Files go with the first part, buttons and cards with the last."""
        parts = list(split_text(reply.text, self.manifest.text_limit)) or [""]
        calls = []
        for number, text in enumerate(parts, start=1):
            data: dict[str, Any] = {
                "event": "message",
                "message_id": f"m{reply.message_id}" + (f".{number}" if number > 1 else ""),
                "chat": reply.chat,
                "text": text,
                "author": {"kind": reply.author, "name": reply.author_name},
            }
            if number == 1:
                if reply.files:
                    data["files"] = [_file(one) for one in reply.files]
                if reply.reply_to:
                    data["reply_to"] = reply.reply_to
            if number == len(parts):
                if reply.buttons:
                    data["buttons"] = [
                        {"title": one.title, "url": one.url}
                        if one.url
                        else {"title": one.title, "payload": one.payload or one.title}
                        for one in reply.buttons
                    ]
                if reply.cards:
                    data["cards"] = [dict(one) for one in reply.cards]
            calls.append(Call("message", data))
        return calls

    def send(self, call: Call) -> Sent:
        answered = self._call(dict(call.data))
        known = answered.get("id")
        if isinstance(known, int) and not isinstance(known, bool):
            known = str(known)
        if not isinstance(known, str) or not 0 < len(known) <= ID_LENGTH:
            known = call.data["message_id"]
        return Sent(known)

    def look_up(self, call: Call) -> Sent | None:
        """Nobody has to be asked: the same `message_id` again changes nothing there."""
        return None

    def edit(self, call: Call, chat: str, external_id: str) -> None:
        self._call({**call.data, "event": "edit", "chat": chat, "id": external_id})

    def delete(self, chat: str, external_id: str) -> None:
        self._call({"event": "delete", "chat": chat, "id": external_id})

    def typing(self, chat: str) -> None:
        self._tell({"event": "typing", "chat": chat})

    def mark_read(self, chat: str, external_id: str) -> None:
        self._tell({"event": "read", "chat": chat, "id": external_id})

    # ── account ──
    def connect(self) -> Check:
        if len(self.config.secrets.get("secret", "")) < SECRET_LENGTH:
            return Check(ok=False, detail="The shared secret needs at least 32 characters.")
        self._call({"event": "ping"})
        host = urlsplit(str(self.config.settings.get("url", ""))).hostname or ""
        return Check(ok=True, account={"name": host, "mode": "webhook"})

    def health(self) -> Check:
        self._call({"event": "ping"})
        return Check(ok=True)

    # ── calling ──
    def _url(self) -> str:
        url = str(self.config.settings.get("url", ""))
        if self.config.base_url:
            return urljoin(self.config.base_url, urlsplit(url).path or "/")
        return url

    def _http(self, *, timeout_s: float) -> httpx.Client:
        own = self.config.ca_bundle.strip()
        return outgoing(
            vendor=VENDOR,
            timeout_s=timeout_s,
            proxy=self.config.proxy,
            verify=trust(own) if own else True,
        )

    def _tell(self, event: dict[str, Any]) -> None:
        try:
            self._call(event, timeout_s=LITTLE_S)
        except (VendorError, Unreachable):
            return

    def _call(self, event: dict[str, Any], *, timeout_s: float = TIMEOUT_S) -> dict[str, Any]:
        """The program's answer. What was lost on the way may be repeated: RetryLater."""
        name = event["event"]
        body = json.dumps(event, ensure_ascii=False).encode("utf-8", "replace")
        headers = {
            "content-type": "application/json",
            **signed(self.config.secrets.get("secret", ""), body),
        }
        with (
            vendor_errors(VENDOR, name),
            self._http(timeout_s=timeout_s) as http,
            http.stream("POST", self._url(), content=body, headers=headers) as answer,
        ):
            said = b""
            for piece in answer.iter_bytes():
                said += piece
                if len(said) > ANSWER_LIMIT:
                    break
        if answer.status_code == 410:
            raise Unreachable(_reason(said) or "the buyer cannot be reached any more")
        _refuse_way_on(answer, name)
        if not answer.is_success:
            raise error_for(
                answer, vendor=VENDOR, operation=name, write=False, detail=_reason(said)
            )
        if not said.strip():
            return {}
        found = _json(said)
        if not isinstance(found, dict):
            raise RetryLater("the program's answer is no JSON object", vendor=VENDOR)
        return found


def _file(file: File) -> dict[str, Any]:
    return {
        "kind": file.kind,
        "name": file.name,
        "mime": file.mime,
        "size": file.size,
        "url": file.url,
    }


def _json(body: bytes) -> Any:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None


def _reason(body: bytes) -> str:
    """`{"error": "in words"}` of an answer that is no success."""
    found = _json(body)
    words = found.get("error") if isinstance(found, dict) else None
    return words[:200] if isinstance(words, str) and words.isprintable() else ""


def _refuse_way_on(answer: httpx.Response, operation: str) -> None:
    """A redirect may lead inside, so none is followed."""
    if answer.is_redirect:
        raise NeedsMerchant(
            "the address leads on to another one: name that one", vendor=VENDOR, operation=operation
        )
