"""What a new merchant does first: on its home page, and in the letter after a sign-up.

Apart from the admin: a worker that writes the letter loads no pages until it needs an address.
"""

from __future__ import annotations

from django.urls import reverse
from django.utils.translation import gettext as _

from bots.models import Article, Channel, Conversation, OpeningHours
from integrations.models import Product
from tenants.kernel import registry
from tenants.workspace.models import User


@registry.first_steps.register("analytics")
def toldsteps() -> list[tuple[str, str, str]]:
    """The same steps for the letter to a new owner."""
    return [(title, text, url) for _permission, title, text, url, _is_done in steps()]


def steps() -> list[tuple[str, str, str, str, bool]]:
    """What makes an assistant useful, in order."""
    answered = Conversation.objects.filter(last_seq__gte=2).exists()
    return [
        (
            "integrations.change_product",
            _("Bring your catalogue in"),
            _("A feed or a file: the bot then knows prices, sizes and stock."),
            reverse("merchant:catalogue_import"),
            Product.objects.exists(),
        ),
        (
            "bots.change_article",
            _("Write three articles"),
            _("Delivery, payment, returns: what buyers ask most."),
            reverse("merchant:bots_article_changelist"),
            Article.objects.filter(is_active=True)[:3].count() >= 3,
        ),
        (
            "bots.change_channel",
            _("Send the chat page to somebody"),
            _("It works at once, with a link and a QR code; a site or a bot can follow."),
            _first_channel(),
            answered,
        ),
        (
            "bots.change_openinghours",
            _("Say when people answer"),
            _("Buyers who are handed over hear when to expect an answer."),
            reverse("merchant:hours"),
            OpeningHours.objects.filter(calendar=None, is_guess=False).exists(),
        ),
        (
            "workspace.change_user",
            _("Invite a colleague"),
            _("So that somebody answers when the bot calls."),
            reverse("merchant:workspace_user_add"),
            User.objects.filter(is_active=True).count() > 1,
        ),
    ]


def _first_channel() -> str:
    channel = Channel.objects.filter(kind="web").order_by("pk").first()
    if channel is None:
        return reverse("merchant:bots_channel_add")
    return reverse("merchant:bots_channel_change", args=[channel.pk])
