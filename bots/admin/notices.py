"""“My notices”: what a person is told of, by event and way. Everybody's own page."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.models import PushSubscription
from bots.services import agent_telegram, notice_choices, notices, push
from tenants.admin.menu import Entry, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.errors import RuleBroken

WAY_NAMES = {
    "app": gettext_lazy("Page"),
    "sound": gettext_lazy("Sound"),
    "push": gettext_lazy("Push"),
    "email": gettext_lazy("E-mail"),
    "telegram": gettext_lazy("Telegram"),
}


@merchant_site.page("notices/", name="notices")
def notices_page(request: HttpRequest) -> HttpResponse:
    me: Any = request.user
    if request.method == "POST":
        return _posted(request, me)
    shown = notices.shown(me)
    return TemplateResponse(
        request,
        "desk/notices.html",
        merchant_site.context(
            request,
            _("My notices"),
            shown=shown,
            ways=list(WAY_NAMES.items()),
            browsers=PushSubscription.objects.filter(user=me).order_by("pk"),
            telegram=agent_telegram.state_of(me),
            quiet_from=shown["quiet"]["from"],
            quiet_to=shown["quiet"]["to"],
        ),
    )


def _posted(request: HttpRequest, me: Any) -> HttpResponse:
    given = request.POST
    try:
        match given.get("do"):
            case "telegram":
                return redirect(agent_telegram.link(me)["link"])
            case "telegram_off":
                agent_telegram.disconnect(me)
            case "browser_off" if given.get("browser", "").isdigit():
                push.unsubscribe(me, pk=int(given["browser"]))
            case _:
                notice_choices.choices_save(me, _choices(given))
    except (RuleBroken, ValueError) as exc:
        messages.error(request, str(exc))
    else:
        messages.success(request, _("Saved."))
    return redirect("merchant:notices")


def _choices(given: Any) -> dict[str, Any]:
    every = given.get("email_every_min", "")
    clock = {name: given.get(f"quiet_{name}", "")[:5] for name in ("from", "to")}
    for value in clock.values():
        notice_choices.clock_of(value)
    return {
        "ways": {
            event: {way: f"{event}.{way}" in given for way in notice_choices.WAYS}
            for event in notice_choices.EVENTS
        },
        "muted": [int(pk) for pk in given.getlist("muted") if pk.isdigit()],
        "quiet": {"is_on": "quiet" in given, "zone": given.get("zone", ""), **clock},
        "text": "hide" if "hide" in given else "show",
        "email_every_min": min(max(int(every), 1), 1440) if every.isdigit() else 15,
    }


merchant_menu.add(
    Entry("settings", 30, gettext_lazy("My notices"), "notifications", "notices"),
)
