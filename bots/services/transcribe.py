"""Voice notes in words: beside everything else, within the same budget, region and log.

The words are kept with the attachment. The bot waits for them a little (`bots.engine.turn`); people
see them whenever they come. Without a provider it is said that there is none.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from bots.models import Attachment, Conversation, Message, ModelCall
from bots.services import messages
from bots.services.bots import config_of
from bots.services.desk_settings import setting, setting_save
from bots.services.languages import LANGUAGES
from bots.services.model_calls import model_gateway
from bots.services.vendor_words import in_words
from bots.speech.base import Heard, NoSpeech, Recording, SpeechAccount, SpeechManifest
from tenants.kernel import due, registry
from tenants.kernel.context import current_schema, release_connection
from tenants.kernel.errors import RetryLater, VendorError
from tenants.kernel.files import file_bytes
from tenants.kernel.secrets import Unreadable, seal, unseal

TIMEOUT_S = 60.0
TRIES = 3


@cache
def providers() -> dict[str, SpeechManifest]:
    """The folders below `bots/speech`, by key."""
    return registry.manifests("bots.speech")


# ── The merchant's choice ────────────────────────────────────────────────────────────────────
def is_on() -> bool:
    return str(setting("speech")["provider"]) not in ("", "none")


def speech_save(provider: str, values: Mapping[str, str]) -> None:
    """Choose a provider. A secret left empty stays as it was, for the same provider."""
    manifest = providers()[provider]
    before = setting("speech")
    kept = _secrets(before) if before["provider"] == provider else {}
    secrets = {name: values.get(name) or kept.get(name, "") for name in manifest.secrets()}
    names = {field.name for field in manifest.settings} - set(secrets)
    setting_save(
        "speech",
        {
            "provider": provider,
            "settings": {name: values[name] for name in names if values.get(name)},
            "sealed": seal(current_schema(), json.dumps(secrets)) if any(secrets.values()) else "",
        },
    )


def _secrets(chosen: Mapping[str, Any]) -> dict[str, str]:
    try:
        return json.loads(unseal(current_schema(), chosen["sealed"])) if chosen["sealed"] else {}
    except (Unreadable, ValueError):
        return {}


def speech_account() -> tuple[SpeechManifest, SpeechAccount]:
    chosen = setting("speech")
    manifest = providers().get(str(chosen["provider"])) or providers()["none"]
    values = {**chosen["settings"], **_secrets(chosen)}
    host = urlsplit(values.get("base_url", "")).hostname or ""
    private = True if host and host in settings.MODEL_PRIVATE_HOSTS else None
    return manifest, SpeechAccount(values, private)


# ── Work ─────────────────────────────────────────────────────────────────────────────────────
def wish(attachment: Attachment) -> None:
    """Its bytes are here: listen to it. Part of the caller's transaction."""
    if attachment.kind != "voice" or attachment.transcript:
        return
    if not is_on():
        _note(attachment, "none", in_words("no speech recognition is connected"))
        return
    _note(attachment, "waiting")
    due.schedule("transcribe", attachment.pk)


def _note(attachment: Attachment, state: str, detail: str = "", **more: Any) -> None:
    attachment.speech = {"state": state, **({"detail": detail[:300]} if detail else {}), **more}
    attachment.save(update_fields=["speech"])


def message_listen(message_id: int) -> Message:
    """Listen to a message's voice notes again."""
    message = Message.objects.get(pk=message_id)
    with transaction.atomic():
        for attachment in message.attachments.filter(kind="voice", transcript="").exclude(
            file=None
        ):
            wish(attachment)
        messages.changed(message)
    return message


@due.worker("transcribe")
def transcribe(attachment_id: int) -> datetime | None:
    attachment = (
        Attachment.objects.select_related(
            "message__conversation__contact", "message__conversation__channel__bot__published"
        )
        .filter(pk=attachment_id)
        .first()
    )
    if attachment is None or attachment.file_id is None or attachment.transcript:
        return None
    manifest, account = speech_account()
    conversation = attachment.message.conversation
    tries = int(attachment.speech.get("tries", 0)) + 1
    try:
        heard, provider = _listen(manifest, account, attachment, conversation)
    except NoSpeech as exc:
        _finish(attachment, "none", in_words(exc.detail))
    except RetryLater as exc:
        if tries < TRIES:
            _note(attachment, "waiting", tries=tries)
            return timezone.now() + timedelta(seconds=exc.retry_after_s or 2.0**tries)
        _finish(attachment, "failed", in_words(exc.detail))
    except VendorError as exc:
        _finish(attachment, "failed", in_words(exc.detail))
    else:
        attachment.transcript = heard.text
        attachment.save(update_fields=["transcript"])
        _finish(attachment, "done", provider=provider, language=heard.language)
    return None


def _listen(
    manifest: SpeechManifest,
    account: SpeechAccount,
    attachment: Attachment,
    conversation: Conversation,
) -> tuple[Heard, str]:
    """Policy, budget, call, log: as for a language model. Raises VendorError."""
    gateway = model_gateway(config_of(conversation.channel.bot))
    if manifest.missing(account.settings):
        raise NoSpeech("no speech recognition is connected", vendor=manifest.key)
    abroad = account.region == "foreign" and gateway.terms.home == "RU"
    if abroad and not gateway.terms.foreign_allowed:
        raise NoSpeech("foreign providers are switched off", vendor=manifest.key)
    assert attachment.file_id is not None
    name, content = file_bytes(attachment.file_id)
    if len(content) > manifest.max_bytes:
        raise VendorError("the recording is too long", vendor=manifest.key)
    hint = conversation.language if conversation.language in LANGUAGES else ""
    mime = attachment.file.mime if attachment.file else ""
    recording = Recording(name, mime or "audio/ogg", content, hint)
    price, currency = account.minute_price
    reserved = gateway.terms.money(_cost(price, recording.seconds), currency)
    gateway.reserve(reserved)
    provider = registry.load(manifest.implementation)(account)
    begun, outcome, cost = time.monotonic(), "failed", Decimal(0)
    try:
        release_connection()
        heard: Heard = provider.transcribe(recording, TIMEOUT_S)
        outcome = "ok"
        seconds = recording.seconds if heard.seconds is None else heard.seconds
        cost = _cost(price, seconds)
    except RetryLater:
        outcome = "retry_later"
        raise
    finally:
        gateway.settle(reserved, gateway.terms.money(cost, currency))
        if manifest.key != "none":
            _record(manifest, provider.model, cost, currency, begun, outcome, conversation.pk)
    return heard, manifest.key


def _cost(price: Decimal, seconds: float) -> Decimal:
    return (price * Decimal(str(round(seconds, 1))) / 60).quantize(Decimal("0.000001"))


def _record(
    manifest: SpeechManifest,
    model: str,
    cost: Decimal,
    currency: str,
    begun: float,
    outcome: str,
    conversation_id: int,
) -> None:
    ModelCall.objects.create(
        provider=f"speech/{manifest.key}"[:24],
        model=model[:80],
        purpose="speech",
        cost=cost,
        currency=currency,
        ms=round((time.monotonic() - begun) * 1000),
        outcome=outcome,
        conversation_id=conversation_id,
    )


def _finish(attachment: Attachment, state: str, detail: str = "", **more: Any) -> None:
    """However it ended: noted, told, and the bot need not wait any longer."""
    message = attachment.message
    with transaction.atomic():
        _note(attachment, state, detail, **more)
        messages.changed(message)
        conversation = message.conversation
        if conversation.speaker == Conversation.Speaker.BOT and conversation.waiting_since:
            due.reschedule("turn", conversation.pk, due_at=timezone.now())
