"""What became of a partner's model keys: refused since when, in whose words; told once a day.

A key is the partner's, so its state lies in the public schema, whichever merchant's call met it.
Letters are due work of that merchant, a row for each reader (`bots.services.partner_models`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from django.db import transaction
from django.utils import timezone

from bots.llm.wire import clean
from tenants.kernel import due
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.models import KeyFault, Partner
from tenants.services.limit_letters import partner_staff

LETTER = "model_key.letter"
TELL_EVERY = timedelta(hours=24)
_MONEY = re.compile(
    r"(?i)quota|balance|credit|billing|money|payment|funds|insufficient|\b402\b"
    r"|баланс|средств|оплат|денег"
)
# Controls, and marks that turn the direction of the text after them.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]+")


def key_faults(partner_id: int) -> dict[str, KeyFault]:
    """Keys that do not work now, by provider."""
    with merchant_context(PUBLIC):
        found = KeyFault.objects.filter(partner_id=partner_id, since__isnull=False)
        return {fault.provider: fault for fault in found}


def key_broke(partner_id: int, provider: str, detail: str, *, secrets: Iterable[str] = ()) -> None:
    """The service refuses the key. Tells the partner's people unless they were told today.

    Called often, from within a merchant: what is known already costs one query.
    """
    detail = _safe(detail, secrets)
    if _is_known(partner_id, provider, detail):
        return
    with transaction.atomic():
        with merchant_context(PUBLIC):
            # Several merchants meet the same refusal at once; one of them tells.
            Partner.objects.select_for_update(of=("self",)).only("pk").get(pk=partner_id)
            fault = _kept(partner_id, provider, detail)
            tell = not _told_today(partner_id)
            if tell:
                fault.told_at = timezone.now()
                fault.save(update_fields=["told_at"])
            readers = list(partner_staff(fault.partner)) if tell else []
        for reader in readers:
            due.schedule(LETTER, reader.pk)


def key_refused(
    partner_id: int, provider: str, detail: str, *, secrets: Iterable[str] = ()
) -> None:
    """The same, seen by a person who has just tried the key: nobody needs a letter."""
    with merchant_context(PUBLIC), transaction.atomic():
        Partner.objects.select_for_update(of=("self",)).only("pk").get(pk=partner_id)
        _kept(partner_id, provider, _safe(detail, secrets))


def key_works(partner_id: int, provider: str) -> bool:
    """Nothing is held against the key; whether something was. When it was told of stays."""
    with merchant_context(PUBLIC):
        held = KeyFault.objects.filter(
            partner_id=partner_id, provider=provider, since__isnull=False
        )
        return bool(held.update(since=None, detail=""))


def wants_money(detail: str) -> bool:
    """The vendor's words are about an account that is used up rather than about the key."""
    return bool(_MONEY.search(detail))


def _safe(detail: str, secrets: Iterable[str]) -> str:
    return clean(" ".join(_UNSEEN.sub(" ", detail).split()), tuple(secrets))


def _kept(partner_id: int, provider: str, detail: str) -> KeyFault:
    fault, _made = KeyFault.objects.get_or_create(partner_id=partner_id, provider=provider)
    fault.since, fault.detail = fault.since or timezone.now(), detail
    fault.save(update_fields=["since", "detail"])
    return fault


def _is_known(partner_id: int, provider: str, detail: str) -> bool:
    with merchant_context(PUBLIC):
        found = list(KeyFault.objects.filter(partner_id=partner_id))
    told_after = timezone.now() - TELL_EVERY
    return any(
        fault.provider == provider and fault.since is not None and fault.detail == detail
        for fault in found
    ) and any(fault.told_at and fault.told_at > told_after for fault in found)


def _told_today(partner_id: int) -> bool:
    told_after = timezone.now() - TELL_EVERY
    return KeyFault.objects.filter(partner_id=partner_id, told_at__gt=told_after).exists()
