"""The letter after a sign-up: in the partner's brand, with the way in and the first steps.

Due work, wished with the merchant itself: the request waits for no mail server, and a server that
is away is tried again.
"""

from __future__ import annotations

from datetime import datetime
from urllib.parse import urlencode

from django.utils import translation
from django.utils.translation import gettext as _

from tenants.kernel import due, registry
from tenants.kernel.context import current_schema
from tenants.kernel.errors import RetryLater
from tenants.selectors.hosts import merchant_of, primary_host, url_of
from tenants.services.mail import House, MailFailed, mail_send
from tenants.workspace.models import User

LETTER = "welcome.letter"
AGAIN_S = 300
STEPS = 3


def login_url(host: str, email: str, **more: str) -> str:
    return url_of(host, f"/admin/login/?{urlencode({'email': email, **more})}")


@due.worker(LETTER)
def _welcome(owner_id: int) -> datetime | None:
    """Inside the new merchant; `owner_id` is who signed up."""
    owner = User.objects.filter(pk=owner_id, is_active=True).first()
    merchant = merchant_of(current_schema())
    if owner is None or merchant.partner is None or not merchant.is_serving:
        return None
    house = House(merchant.partner)
    with translation.override(merchant.language):
        host = primary_host(merchant)
        words = {
            "shop": merchant.name,
            "brand": house.brand["name"],
            "link": login_url(host, owner.email),
            "steps": "\n\n".join(_steps(host)),
        }
        text = _(
            "Hello,\n\n%(shop)s has its assistant now. It answers buyers already, so far from what "
            "it knows by itself. You log in here, with this e-mail and the password you "
            "chose:\n\n%(link)s\n\nThe first three steps:\n\n%(steps)s\n"
        )
        if support := house.brand.get("support_email"):
            words["support"] = support
            text += _("\nQuestions? Write to %(support)s.\n")
        try:
            mail_send(
                house,
                to=owner.email,
                subject=_("%(brand)s: the assistant of %(shop)s is ready") % words,
                text=text % words,
            )
        except MailFailed as exc:
            raise RetryLater(str(exc), retry_after_s=AGAIN_S) from exc
    return None


def _steps(host: str) -> list[str]:
    steps = [step for _name, part in registry.first_steps for step in part()]
    return [
        f"{number}. {title}. {text}\n{url_of(host, path)}"
        for number, (title, text, path) in enumerate(steps[:STEPS], start=1)
    ]
