"""Talk to the bot and see why it says what it says. Nothing is stored, nothing is sent."""

from __future__ import annotations

import json
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from django.views.decorators.http import require_POST

from bots.engine.base import Asker, Decision, Reason, Said
from bots.models import Article, Bot, Identity, Template
from bots.services.preview import preview
from integrations.models import Order, Product
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site

LONGEST = 30  # messages of a talk that are sent along

DECISIONS = {
    Decision.ANSWER: pgettext_lazy("the bot", "answered"),
    Decision.CLARIFY: gettext_lazy("asked back"),
    Decision.REFUSE: gettext_lazy("found nothing, offered a person"),
    Decision.HANDOVER: gettext_lazy("would call a person"),
}
REASONS: dict[str, Any] = {
    Reason.ASKED: gettext_lazy("the buyer asked for a person"),
    Reason.POLICY: gettext_lazy("a topic for a person"),
    Reason.COMPLAINT: gettext_lazy("a complaint"),
    Reason.NO_KNOWLEDGE: gettext_lazy("nothing is known about it"),
    Reason.FAILURE: gettext_lazy("a failure of ours or of the model"),
    Reason.DEADLINE: gettext_lazy("no answer in time"),
    Reason.BUDGET: gettext_lazy("the model budget is spent"),
    Reason.CHECK: gettext_lazy("the answer could not be proven"),
    Reason.IDENTITY: gettext_lazy("more proof of who asks is needed"),
    Reason.ABUSE: gettext_lazy("abuse"),
    Reason.MEDIA: gettext_lazy("a file only a person can judge"),
    Reason.BOT_OFF: gettext_lazy("the bot is switched off"),
    Reason.MISSED_CALL: gettext_lazy("a missed call"),
    Reason.FLOOD: gettext_lazy("too many messages in an hour"),
}
KINDS = {
    "article": gettext_lazy("article"),
    "product": gettext_lazy("product"),
    "order": gettext_lazy("order"),
    "template": gettext_lazy("template"),
    "hours": gettext_lazy("opening hours"),
}

# What the page's script says.
WORDS = {
    "thinking": gettext_lazy("Thinking…"),
    "failed": gettext_lazy(
        "No answer: the server is not reached. What you wrote is kept, send again."
    ),
    "nothing": gettext_lazy("The bot says nothing to this."),
    "decision": gettext_lazy("Decision"),
    "reason": gettext_lazy("Why"),
    "sources": gettext_lazy("Sources"),
    "claims": gettext_lazy("Facts and where they come from"),
    "checks": gettext_lazy("Checks"),
    "provider": gettext_lazy("Answered by"),
    "offline": gettext_lazy("built-in answers"),
    "time": gettext_lazy("Time"),
    "language": gettext_lazy("Language"),
    "none": gettext_lazy("none: nothing of the shop was used"),
    "unbound": gettext_lazy("no figure or promise to prove"),
}


def reason_in_words(reason: str) -> str:
    return str(REASONS.get(reason, reason))


@merchant_site.page("preview/", name="preview")
def preview_page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("bots.view_article"):
        raise PermissionDenied
    bots = list(Bot.objects.order_by("pk"))
    chosen = request.GET.get("bot", "")
    bot = next((b for b in bots if str(b.pk) == chosen), bots[0] if bots else None)
    return TemplateResponse(
        request,
        "desk/preview.html",
        merchant_site.context(
            request,
            _("Preview"),
            bots=bots,
            bot=bot,
            proofs=[(key, title) for key, title in Identity.Proof.choices if key != "claimed"],
            words={key: str(text) for key, text in WORDS.items()},
            questions=_questions(request.LANGUAGE_CODE),
        ),
    )


def _questions(lang: str) -> list[str]:
    """Things to ask at once, from what this merchant has."""
    asked = list(
        Article.objects.filter(lang=lang, is_active=True, is_internal=False)
        .order_by("pk")
        .values_list("title", flat=True)[:2]
    )
    if product := Product.objects.filter(is_active=True).order_by("pk").first():
        asked.append(_("How much is “%(name)s”?") % {"name": product.name})
    if order := Order.objects.order_by("-placed_at").first():
        asked.append(_("Where is my order %(number)s?") % {"number": order.number})
    asked.append(_("I want to talk to a person"))
    return asked


@merchant_site.page("preview/ask/", name="preview_ask")
@require_POST
def preview_ask(request: HttpRequest) -> HttpResponse:
    """`{bot, draft, messages: [{role, text}], contact: {value, proof, name}}` → the answer."""
    if not request.user.has_perm("bots.view_article"):
        raise PermissionDenied
    try:
        asked = json.loads(request.body)
        said = [
            Said(role="buyer" if m["role"] == "buyer" else "bot", text=str(m["text"])[:4000])
            for m in asked["messages"][-LONGEST:]
        ]
        bot = get_object_or_404(Bot, pk=int(asked["bot"]))
        asker = _asker(asked.get("contact") or {})
    except (KeyError, TypeError, ValueError):
        return JsonResponse({"error": _("This request makes no sense.")}, status=400)
    answer = preview(bot=bot, messages=said, asker=asker, use_draft=bool(asked.get("draft")))
    answer |= {
        "decision_label": str(DECISIONS.get(answer["decision"], answer["decision"])),
        "reason_label": reason_in_words(answer["reason"]) if answer["reason"] else "",
        "sources": [_source(source) for source in answer["sources"]],
    }
    return JsonResponse(answer)


def _asker(contact: dict[str, Any]) -> Asker:
    value = str(contact.get("value") or "").strip()[:120]
    proof = str(contact.get("proof") or "claimed")
    if proof not in Identity.Proof.values:
        raise ValueError(proof)
    kind = "email" if "@" in value else "phone"
    return Asker(
        name=str(contact.get("name") or "")[:120], proofs=((kind, value, proof),) if value else ()
    )


def _source(source: dict[str, Any]) -> dict[str, Any]:
    """With its kind in words and the page it can be changed on."""
    pages = {
        "article": ("merchant:bots_article_change", Article),
        "product": ("merchant:integrations_product_change", Product),
        "order": ("merchant:integrations_order_change", Order),
        "template": ("merchant:bots_template_change", Template),
    }
    url = ""
    if source["kind"] in pages and source["id"]:
        url = reverse(pages[source["kind"]][0], args=[source["id"]])
    elif source["kind"] == "hours":
        url = reverse("merchant:hours")
    return {**source, "kind_label": str(KINDS.get(source["kind"], source["kind"])), "url": url}


merchant_menu.add(
    Entry("assistant", 15, gettext_lazy("Preview"), "chat", "preview", may("bots.view_article")),
    Entry("now", 20, gettext_lazy("Dialogues"), "forum", "/console/"),
)
