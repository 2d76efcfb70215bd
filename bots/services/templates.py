"""Prepared replies: what is kept of them, and what follows when one is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from bots.models import Attachment, Template, TemplateText
from bots.selectors.files import sendable
from bots.services.template_intents import INTENTS
from bots.services.template_text import BrokenTemplate, is_link, template_parse
from bots.services.template_triggers import phrase_of
from tenants.workspace.models import StoredFile

TEXT_LIMIT, PHRASES_LIMIT, BUTTONS_LIMIT, FILES_LIMIT = 4_000, 50, 10, 10


def template_sent(template_id: int, message_id: int | None = None) -> None:
    """Count a use and attach the files; inside the transaction that writes the reply."""
    found = Template.objects.filter(pk=template_id).first()
    if found is None:
        return
    Template.objects.filter(pk=template_id).update(used=F("used") + 1, used_at=timezone.now())
    if message_id is None:
        return
    for stored in StoredFile.objects.filter(pk__in=found.attachments or ()):
        kind = "image" if stored.mime.startswith("image/") else "file"
        Attachment.objects.create(
            message_id=message_id, file=stored, kind=kind, name=stored.name[:200]
        )


@dataclass
class _Faults:
    by_field: dict[str, list[str]] = field(default_factory=dict)

    def add(self, name: str, message: str) -> None:
        self.by_field.setdefault(name, []).append(message)


def template_clean(data: Mapping[str, Any]) -> dict[str, Any]:
    """Check what an author wrote. Raises ValidationError by field, every fault at once."""
    faults = _Faults()
    clean = dict(data)
    if "texts" in data:
        clean["texts"] = _clean_texts(data["texts"], faults)
    if "phrases" in data:
        clean["phrases"] = _clean_phrases(data["phrases"], faults)
    if "intents" in data:
        unknown = [str(one) for one in data["intents"] if one not in INTENTS]
        if unknown:
            faults.add("intents", _("There is no intent “%s”.") % "”, “".join(unknown))
    if "buttons" in data:
        clean["buttons"] = _clean_buttons(data["buttons"], faults)
    if "schedule" in data:
        clean["schedule"] = _clean_schedule(data["schedule"] or {}, faults)
    if "attachments" in data:
        ids = [one for one in data["attachments"] if isinstance(one, int)]
        known = set(sendable().filter(pk__in=ids).values_list("pk", flat=True))
        if len(known) != len(data["attachments"]) or len(known) > FILES_LIMIT:
            faults.add("attachments", _("A file of the list is not there."))
    if faults.by_field:
        raise ValidationError(faults.by_field)
    return clean


def _clean_texts(texts: Mapping[str, str], faults: _Faults) -> dict[str, str]:
    clean = {lang: text.strip() for lang, text in texts.items() if text.strip()}
    if not clean:
        faults.add("texts", _("Write the text in at least one language."))
    for lang, text in clean.items():
        if not re.fullmatch(r"[a-z]{2,3}", lang):
            faults.add("texts", _("“%s” is not a language code.") % lang[:20])
        if len(text) > TEXT_LIMIT:
            faults.add("texts", _("A text is longer than %s characters.") % TEXT_LIMIT)
        try:
            template_parse(text)
        except BrokenTemplate as exc:
            for fault in exc.faults:
                faults.add("texts", f"{lang}: {fault}")
    return clean


def _clean_phrases(phrases: Sequence[str], faults: _Faults) -> list[str]:
    clean = list(dict.fromkeys(" ".join(str(one).split()) for one in phrases))
    clean = [one for one in clean if one]
    if len(clean) > PHRASES_LIMIT or any(len(one) > 200 for one in clean):
        faults.add(
            "phrases", _("At most %s phrases of at most 200 characters each.") % PHRASES_LIMIT
        )
    for one in clean:
        if not phrase_of(one):
            faults.add("phrases", _("“%s” holds no word.") % one[:40])
    return clean


def _clean_buttons(buttons: Sequence[Any], faults: _Faults) -> list[dict[str, str]]:
    clean = []
    for one in buttons:
        one = {"title": one} if isinstance(one, str) else one
        title = " ".join(str(one.get("title", "")).split()) if isinstance(one, Mapping) else ""
        if not title or len(title) > 64:
            faults.add("buttons", _("A button needs a title of at most 64 characters."))
            continue
        url = str(one.get("url") or "").strip()
        if url and not is_link(url):
            faults.add(
                "buttons", _("A button's address is a whole one, like https://shop.ru/size.")
            )
        clean.append({"title": title, **({"url": url} if url else {})})
    if len(clean) > BUTTONS_LIMIT:
        faults.add("buttons", _("At most %s buttons.") % BUTTONS_LIMIT)
    return clean


def _clean_schedule(schedule: Mapping[str, Any], faults: _Faults) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    for name in ("from", "to"):
        if value := schedule.get(name):
            try:
                clean[name] = date.fromisoformat(str(value)).isoformat()
            except ValueError:
                faults.add("schedule", _("“%s” is not a date like 2026-12-01.") % value)
    if "from" in clean and "to" in clean and clean["from"] > clean["to"]:
        faults.add("schedule", _("The first day is after the last."))
    if days := schedule.get("weekdays"):
        if not isinstance(days, list) or not all(one in range(7) for one in days):
            faults.add("schedule", _("Weekdays are numbers: 0 is Monday, 6 is Sunday."))
        else:
            clean["weekdays"] = sorted(set(days))
    if only := schedule.get("only"):
        if only not in ("open", "closed"):
            faults.add("schedule", _("“only” is open or closed."))
        clean["only"] = only
    return clean


TEMPLATE_FIELDS = (
    "code", "name", "category", "intents", "phrases", "buttons", "attachments", "schedule",
    "is_active",
)  # fmt: skip


def template_save(data: Mapping[str, Any], *, template: Template | None = None) -> Template:
    """Create or change a template. `data`: TEMPLATE_FIELDS and `texts` {lang: text}.

    Raises ValidationError by field.
    """
    clean = template_clean(data)
    if template is None and "texts" not in clean:
        raise ValidationError({"texts": [_("Write the text in at least one language.")]})
    with transaction.atomic():
        template = template or Template()
        for name in TEMPLATE_FIELDS:
            if name in clean:
                setattr(template, name, clean[name])
        template.full_clean()
        template.save()
        if "texts" in clean:
            template.texts.exclude(lang__in=clean["texts"]).delete()
            for lang, text in clean["texts"].items():
                TemplateText.objects.update_or_create(
                    template=template, lang=lang, defaults={"text": text}
                )
    return template
