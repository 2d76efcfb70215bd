"""Model keys a partner lends all its merchants: kept sealed, tried, taken away."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import get_language

from bots.llm.base import Patience
from bots.llm.gateway import provider_for
from bots.services.model_accounts import CHECK_S, provider_manifest, settings_checked
from bots.services.model_calls import (
    in_words,
    partner_account,
    partner_account_forgive,
    partner_models_set,
    partner_secrets,
)
from tenants.kernel.context import PUBLIC, merchant_context, release_connection
from tenants.kernel.errors import VendorError
from tenants.kernel.secrets import Unreadable
from tenants.models import Partner

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


def partner_model_remove(*, partner: Partner, provider: str) -> None:
    with merchant_context(PUBLIC), transaction.atomic():
        found = Partner.objects.select_for_update(of=("self",)).get(pk=partner.pk)
        lent = partner_models(found)
        lent.pop(provider, None)
        partner_models_set(partner=found, models=lent)


def partner_model_check(*, partner: Partner, provider: str) -> str:
    """Try the key with the cheapest call; the model's name.

    Raises VendorError, its detail in the reader's language.
    """
    account = partner_account(partner.pk, provider, partner_models(partner)[provider])
    release_connection()
    try:
        made = provider_for(account, provider_manifest(provider))
        return made.check(Patience(time.monotonic() + CHECK_S))
    except VendorError as exc:
        exc.detail = in_words(exc.detail, get_language() or partner.language)
        raise
