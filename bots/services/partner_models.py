"""Model keys a partner lends all its merchants: kept sealed, tried, taken away, missed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import translation
from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from bots.llm.base import Patience
from bots.llm.gateway import provider_for
from bots.llm.manifests import manifests
from bots.services.model_accounts import CHECK_S, provider_manifest, settings_checked
from bots.services.model_calls import (
    in_words,
    partner_account,
    partner_account_forgive,
    partner_models_set,
    partner_secrets,
)
from bots.services.partner_keys import (
    LETTER,
    key_faults,
    key_refused,
    key_works,
    wants_money,
)
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, current_schema, merchant_context, release_connection
from tenants.kernel.errors import NeedsMerchant, RetryLater, VendorError
from tenants.kernel.secrets import Unreadable
from tenants.models import Partner
from tenants.selectors.hosts import merchant_of, url_of
from tenants.services.mail import House, MailFailed, mail_send
from tenants.services.partners import partner_host
from tenants.workspace.models import User

AGAIN_S = 600
Lent = dict[str, dict[str, str]]


def partner_models(partner: Partner) -> Lent:
    """What the partner lends, by provider, secrets in clear: for forms and checks, not for pages.

    Keys that no longer open (another MASTER_KEY) are as good as none.
    """
    with merchant_context(PUBLIC):
        found = Partner.objects.only("secrets").get(pk=partner.pk)
    try:
        return dict(partner_secrets(found).get("models") or {})
    except Unreadable:
        return {}


def partner_model_save(*, partner: Partner, provider: str, values: Mapping[str, Any]) -> None:
    """Keep one provider's settings; a secret left empty keeps the one there was. Calls nothing.

    Raises UnknownProvider, SettingsRefused.
    """
    manifest = provider_manifest(provider)
    with merchant_context(PUBLIC), transaction.atomic():
        found = Partner.objects.select_for_update(of=("self",)).get(pk=partner.pk)
        lent = partner_models(found)
        before = lent.get(provider, {})
        plain, secrets = settings_checked(manifest, values, before)
        if override := before.get("base_url_override"):
            plain["base_url_override"] = override
        partner_models_set(partner=found, models={**lent, provider: {**plain, **secrets}})
    partner_account_forgive(partner.pk, provider)
    key_works(partner.pk, provider)


def partner_model_remove(*, partner: Partner, provider: str) -> None:
    with merchant_context(PUBLIC), transaction.atomic():
        found = Partner.objects.select_for_update(of=("self",)).get(pk=partner.pk)
        lent = partner_models(found)
        lent.pop(provider, None)
        partner_models_set(partner=found, models=lent)
    key_works(partner.pk, provider)


def partner_model_check(*, partner: Partner, provider: str) -> str:
    """Try the key with the cheapest call; the model's name.

    Raises VendorError, its detail in the reader's language.
    """
    account = partner_account(partner.pk, provider, partner_models(partner)[provider])
    release_connection()
    try:
        made = provider_for(account, provider_manifest(provider))
        model = made.check(Patience(time.monotonic() + CHECK_S))
    except VendorError as exc:
        if isinstance(exc, NeedsMerchant):
            secrets = [account.settings.get(n, "") for n in provider_manifest(provider).secrets()]
            key_refused(partner.pk, provider, exc.detail, secrets=secrets)
        exc.detail = in_words(exc.detail, get_language() or partner.language)
        raise
    key_works(partner.pk, provider)
    return model


# ── A key that stops working ─────────────────────────────────────────────────────────────────
@dataclass(frozen=True)
class Refusal:
    """What a person reads about a key that does not work."""

    title: str
    since: datetime
    detail: str  # the service's own words
    advice: str


def partner_key_refusals(partner: Partner, language: str = "") -> dict[str, Refusal]:
    """Keys of the partner that do not work now, by provider, in the reader's language."""
    lent, found = partner_models(partner), {}
    for provider, fault in key_faults(partner.pk).items():
        manifest = manifests().get(provider)
        if manifest is None or provider not in lent or fault.since is None:
            continue
        detail = in_words(fault.detail, language or get_language() or partner.language)
        found[provider] = Refusal(str(manifest.title), fault.since, detail, _advice(fault.detail))
    return found


def _advice(detail: str) -> str:
    if wants_money(detail):
        return _("Pay in at the service. The key is tried again by itself within 15 minutes; "
                 "“Save and check” tries it at once.")  # fmt: skip
    return _("Look in your account at the service whether the key is valid and may use this model, "
             "or make a new one there and put it in here.")  # fmt: skip


@due.worker(LETTER)
def _tell(user_id: int) -> datetime | None:
    """Inside the merchant that met the refusal; the letter does not say which it was."""
    partner = merchant_of(current_schema()).partner
    with merchant_context(PUBLIC):
        user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None or partner is None:
        return None
    house, language = House(partner), user.language or partner.language
    with translation.override(language):
        refusals = partner_key_refusals(partner, language).values()
        if not refusals:
            return None  # it works again
        lines = [
            _("%(title)s, since %(since)s. The service says: %(detail)s\n%(advice)s")
            % {
                "title": one.title,
                "since": date_format(localtime(one.since), "SHORT_DATETIME_FORMAT"),
                "detail": one.detail,
                "advice": one.advice,
            }
            for one in refusals
        ]
        words = {
            "brand": house.brand["name"],
            "keys": "\n\n".join(lines),
            "link": url_of(partner_host(partner), "/admin/models/"),
        }
        text = _(
            "Hello,\n\na language model's key that you lend your merchants no longer works:\n\n"
            "%(keys)s\n\nBuyers are answered meanwhile: from records and templates, or by another "
            "model where one is set.\n\n%(link)s\n"
        )
        try:
            mail_send(
                house,
                to=user.email,
                subject=_("%(brand)s: a model key does not work") % words,
                text=text % words,
            )
        except MailFailed as exc:
            raise RetryLater(str(exc), retry_after_s=AGAIN_S) from exc
    return None
