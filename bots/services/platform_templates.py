"""Texts a platform approves before they may go out past its window, and our templates behind them.

A link says which of our prepared replies is which text of the platform; it is kept in the channel's
settings, what the platform last said of its texts in the channel's cursor. Nothing here knows a
platform: the manifest says `has_templates`, the adapter lists and hands in.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from bots.channels.base import AccountChanged, PlatformTemplate
from bots.models import Channel, Conversation, Template, TemplateText
from bots.selectors.sendable import (
    TEMPLATE_LINKS,
    TEMPLATES_SEEN,
    approved_templates,
    is_closed,
    manifest_of,
)
from bots.services.channels import adapter_of
from bots.services.template_samples import SAMPLES
from bots.services.template_text import Piece, template_parse
from bots.services.vendor_words import in_words
from tenants.kernel.context import release_connection
from tenants.kernel.errors import RuleBroken

LINKS, SEEN = TEMPLATE_LINKS, TEMPLATES_SEEN
_LATIN = str.maketrans(
    {
        "а": "a", "б": "b", "в": "v", "г": "g", "д": "d", "е": "e", "ё": "e", "ж": "zh",
        "з": "z", "и": "i", "й": "y", "к": "k", "л": "l", "м": "m", "н": "n", "о": "o",
        "п": "p", "р": "r", "с": "s", "т": "t", "у": "u", "ф": "f", "х": "kh", "ц": "ts",
        "ч": "ch", "ш": "sh", "щ": "sch", "ъ": "", "ы": "y", "ь": "", "э": "e", "ю": "yu",
        "я": "ya",
    }
)  # fmt: skip
_PLACE = re.compile(r"\{\{\s*([^{}]+?)\s*\}\}")


class NotApproved(RuleBroken):
    """Past the window only what the platform has approved goes out; the message says what to do."""

    code = "template_not_approved"


class NoTemplates(RuleBroken):
    code = "no_platform_templates"
    status = 404


# ── what there is ──
def has_templates(channel: Channel) -> bool:
    manifest = manifest_of(channel)
    return manifest is not None and manifest.has_templates


def seen(channel: Channel) -> list[PlatformTemplate]:
    """As the platform last told; nothing is asked."""
    return [PlatformTemplate(**one) for one in channel.cursor.get(SEEN, ())]


def templates_refresh(channel: Channel) -> list[PlatformTemplate]:
    """Ask the platform. Raises VendorError, NoTemplates."""
    _check(channel)
    release_connection()
    found = adapter_of(channel).templates()
    _keep(channel, found)
    return found


def rows_of(channel: Channel) -> list[dict[str, Any]]:
    """The platform's texts with ours behind them, for a page and the API."""
    links = channel.settings.get(LINKS, {})
    by_text = {(link["name"], link["language"]): key for key, link in links.items()}
    ids = {int(key.partition(":")[0]) for key in links}
    names = dict(Template.objects.filter(pk__in=ids).values_list("pk", "name"))
    rows = []
    for one in seen(channel):
        key = by_text.get((one.name, one.language), "")
        template = int(key.partition(":")[0]) if key else None
        row = {k: v for k, v in asdict(one).items() if k != "examples"}
        row["reason"] = in_words(one.reason)
        row["template"] = template if template in names else None
        row["template_name"] = names.get(template, "") if template else ""
        rows.append(row)
    return sorted(rows, key=lambda row: (row["name"], row["language"]))


def one_of(channel: Channel, name: str, language: str) -> PlatformTemplate:
    """Raises NoTemplates."""
    for one in seen(channel):
        if (one.name, one.language) == (name, language):
            return one
    raise NoTemplates(_("The platform does not know this template any more: hand it in again."))


def waits_for_approval(channel: Channel) -> bool:
    return any(one.state == "pending" for one in seen(channel))


# ── handing in, linking ──
def template_submit(
    channel: Channel,
    template: Template,
    lang: str,
    *,
    category: str = "utility",
    name: str = "",
) -> PlatformTemplate:
    """Hand our text in and link it. Raises VendorError (Rejected says what to change)."""
    _check(channel)
    text = _text_of(template, lang)
    body, pieces = body_of(text)
    asked = PlatformTemplate(
        name=name or name_for(template),
        language=lang,
        body=body,
        category=category,  # type: ignore[arg-type]
        examples=tuple(_example(piece, lang) for piece in pieces),
    )
    release_connection()
    made = replace(adapter_of(channel).template_submit(asked), examples=())
    others = [one for one in seen(channel) if (one.name, one.language) != (made.name, lang)]
    _keep(channel, [*others, made], link=(f"{template.pk}:{lang}", made))
    return made


def template_link(channel: Channel, template: Template, lang: str, one: PlatformTemplate) -> None:
    """Our text stands for one that is there already; the words have to be the same."""
    _check(channel)
    body, _pieces = body_of(_text_of(template, lang))
    if _shape(body) != _shape(one.body):
        raise NotApproved(_("The words differ: the buyer would read something else than you see."))
    _keep(channel, None, link=(f"{template.pk}:{lang}", one))


def template_unlink(channel: Channel, name: str, language: str) -> None:
    with transaction.atomic():
        row = Channel.objects.select_for_update().get(pk=channel.pk)
        links = {
            key: link
            for key, link in row.settings.get(LINKS, {}).items()
            if (link["name"], link["language"]) != (name, language)
        }
        row.settings = {**row.settings, LINKS: links}
        row.save(update_fields=["settings"])
    channel.settings = row.settings


def told(channel: Channel, change: AccountChanged) -> None:
    """The platform said what became of one of its texts."""
    about = change.data.get("template")
    if not isinstance(about, Mapping):
        return
    key = (about.get("name"), about.get("language"))
    found = [
        replace(one, state=about["state"], reason=about.get("reason", ""))
        if (one.name, one.language) == key
        else one
        for one in seen(channel)
    ]
    _keep(channel, found)


# ── sending past the window ──
def allowed_in(conversation: Conversation) -> set[int] | None:
    """Our templates that may go out in this conversation now; None: any."""
    channel = conversation.channel
    if not is_closed(conversation) or not has_templates(channel):
        return None
    return approved_templates(channel)


def filled(
    conversation: Conversation, template_id: int, text: str, *, is_alone: bool = True
) -> dict[str, Any]:
    """The platform's text for this reply, with its values; {} where it wants none approved.

    The values are read out of what the person sends: what they see is what the buyer reads.
    Raises NotApproved in words.
    """
    channel = conversation.channel
    if not has_templates(channel):
        return {}
    if not is_alone:
        raise NotApproved(_("Past the window nothing goes along: send the template alone."))
    links = channel.settings.get(LINKS, {})
    states = {(one.name, one.language): one for one in seen(channel)}
    texts = TemplateText.objects.filter(template=template_id).select_related("template")
    linked = [(one, links[key]) for one in texts if (key := f"{template_id}:{one.lang}") in links]
    if not linked:
        raise NotApproved(
            _("Past the window only approved templates go out, and this one was not handed in. "
              "Hand it in on the channel's page.")
        )  # fmt: skip
    trouble = ""
    for ours, link in linked:
        values = values_in(ours.text, text)
        if values is None:
            continue
        state = states.get((link["name"], link["language"]))
        if state is not None and state.state == "approved":
            return {"name": link["name"], "language": link["language"], "values": values}
        trouble = _why_not(state)
    raise NotApproved(
        trouble
        or _("Past the window the approved words go out as they are: change the values only.")
    )


def _why_not(state: PlatformTemplate | None) -> str:
    if state is None:
        return _("The platform does not know this template any more: hand it in again.")
    if state.state == "pending":
        return _("The platform has not approved this template yet.")
    if state.state == "paused":
        return _("The platform has paused this template: buyers complained.")
    reason = in_words(state.reason)
    return _("The platform has rejected this template.") + (f" {reason}" if reason else "")


# ── texts ──
def body_of(text: str) -> tuple[str, list[Piece]]:
    """Our text as a platform takes it, {{1}} for each value, and what the values are."""
    body, pieces = "", []
    for piece in template_parse(text.strip()):
        if piece.kind == "text":
            body += piece.text
        else:
            pieces.append(piece)
            body += f"{{{{{len(pieces)}}}}}"
    return body, pieces


def values_in(template: str, text: str) -> list[str] | None:
    """What stands in a reply where the template has its variables; None: other words."""
    pattern = "".join(
        re.escape(_even(piece.text)) if piece.kind == "text" else "(.+?)"
        for piece in template_parse(_even(template).strip())
    )
    found = re.fullmatch(pattern, _even(text).strip(), re.DOTALL)
    return None if found is None else [value.strip() for value in found.groups()]


def name_for(template: Template) -> str:
    """A name platforms take: small Latin letters, digits and _."""
    latin = template.code.lower().translate(_LATIN)
    return re.sub(r"[^a-z0-9]+", "_", latin).strip("_")[:60] or f"template_{template.pk}"


def _even(text: str) -> str:
    return re.sub(r"[^\S\n]+", " ", text.replace("\r\n", "\n"))


def _shape(body: str) -> str:
    """Words without what a platform or an editor does to blanks and numbers of places."""
    return " ".join(_PLACE.sub("{{}}", body).split())


def _example(piece: Piece, lang: str) -> str:
    samples = SAMPLES.get(lang, SAMPLES["en"])
    return " ".join((samples.get(piece.text) or piece.default or piece.text).split())


def _text_of(template: Template, lang: str) -> str:
    found = template.texts.filter(lang=lang).values_list("text", flat=True).first()
    if not found:
        raise NotApproved(_("This template has no text in that language."))
    return str(found)


def _check(channel: Channel) -> None:
    if not has_templates(channel):
        raise NoTemplates(_("This channel has no templates to be approved."))


def _keep(
    channel: Channel,
    found: list[PlatformTemplate] | None,
    *,
    link: tuple[str, PlatformTemplate] | None = None,
) -> None:
    with transaction.atomic():
        row = Channel.objects.select_for_update().get(pk=channel.pk)
        if found is not None:
            kept = [{k: v for k, v in asdict(one).items() if k != "examples"} for one in found]
            row.cursor = {**row.cursor, SEEN: kept}
        if link is not None:
            key, one = link
            to = {"name": one.name, "language": one.language}
            # One of ours a text of theirs: the one linked before is let go.
            links = {k: v for k, v in row.settings.get(LINKS, {}).items() if v != to}
            row.settings = {**row.settings, LINKS: {**links, key: to}}
        row.save(update_fields=["cursor", "settings"])
    channel.cursor, channel.settings = row.cursor, row.settings
