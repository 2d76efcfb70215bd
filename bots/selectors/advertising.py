"""What the law asks of advertising: consent, marks, bans by channel. Russia's rules, as data.

Sources: Federal Law 38-FZ on advertising, articles 18 (consent of whoever is written to) and 18.1
(the mark, the advertiser and the identifier on the internet), and 72-FZ (resources with restricted
access). No legal advice: the operator and the merchant decide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone

from bots.models import Consent, Contact
from tenants.kernel.context import current_schema
from tenants.selectors.ad_policies import bans_on
from tenants.selectors.hosts import merchant_of

# Countries whose law wants the mark, the advertiser and `erid` in the text itself.
MARKED = frozenset({"RU"})
MARK = "Реклама"
# Identifiers seen are of 9 to 35 Latin letters and figures. The registry publishes no rule: not
# confirmed, so the bounds are wide.
ERID = re.compile(r"[A-Za-z0-9]{7,64}")
_DAY = timedelta(days=1)
_INN_10 = (2, 4, 10, 3, 5, 9, 4, 6, 8)
_INN_11 = (7, *_INN_10)
_INN_12 = (3, *_INN_11)


def inn_fits(inn: str) -> bool:
    """Ten figures of an organisation or twelve of a person, with their check figures."""
    if not re.fullmatch(r"[0-9]{10}|[0-9]{12}", inn) or not inn.strip("0"):
        return False
    figures = [int(one) for one in inn]

    def checks(weights: tuple[int, ...]) -> bool:
        total = sum(w * f for w, f in zip(weights, figures, strict=False))
        return total % 11 % 10 == figures[len(weights)]

    return checks(_INN_10) if len(inn) == 10 else checks(_INN_11) and checks(_INN_12)


def erid_fits(erid: str) -> bool:
    return bool(ERID.fullmatch(erid))


def is_marked() -> bool:
    """Whether this merchant's advertising carries the mark."""
    return merchant_of(current_schema()).region in MARKED


def marked(text: str, ad: Mapping[str, Any]) -> str:
    """The text with what the law wants beside it, in its words whatever language the text has."""
    told = f"{ad.get('advertiser', '')}, ИНН {ad.get('inn', '')}. erid: {ad.get('erid', '')}"
    return f"{MARK}\n\n{text}\n\n{told}"


def is_told(text: str, ad: Mapping[str, Any]) -> bool:
    """Whether a text says by itself what the law wants; where nothing is wanted, any does."""
    wanted = (MARK, str(ad.get("inn", "")), str(ad.get("erid", "")))
    return not is_marked() or all(one and one in text for one in wanted)


def today() -> date:
    """By the shop's clock."""
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    return timezone.now().astimezone(zone).date()


def bans() -> dict[str, str]:
    """Kind of channel → why this merchant may not advertise there today."""
    return bans_on(today(), merchant_of(current_schema()).region)


# ── Consent ──────────────────────────────────────────────────────────────────────────────────
def consented() -> dict[tuple[str, int], bool]:
    """Whoever was ever asked → their newest word on marketing, by `key_of`."""
    found = Consent.objects.filter(kind="marketing").annotate(
        root=Coalesce("contact__person__merged_into", "contact__person")
    )
    rows = found.order_by("pk").values_list("root", "contact", "is_given")
    return {key_of(root, contact): given for root, contact, given in rows}


def key_of(root: int | None, contact: int) -> tuple[str, int]:
    """One person, whatever their contacts: by their card, or the contact that has none."""
    return ("contact", contact) if root is None else ("person", root)


def words_of(contact: Contact) -> QuerySet[Consent]:
    """What this buyer has said of advertising in any of their contacts, the newest first."""
    same = Q(contact=contact)
    if contact.person_id is not None and contact.person is not None:
        root = contact.person.merged_into_id or contact.person_id
        same |= Q(contact__person=root) | Q(contact__person__merged_into=root)
    return Consent.objects.filter(same, kind="marketing").order_by("-pk")


def has_consent(contact: Contact) -> bool:
    return bool(words_of(contact).values_list("is_given", flat=True).first())


def quiet_until(moment: datetime, begins: int, ends: int) -> datetime | None:
    """When the shop's night ends that this moment is in; None by day. Equal hours: no night."""
    if begins == ends:
        return None
    zone = ZoneInfo(merchant_of(current_schema()).time_zone)
    local = moment.astimezone(zone)
    is_night = (
        begins <= local.hour < ends if begins < ends else local.hour >= begins or local.hour < ends
    )
    if not is_night:
        return None
    morning = local.replace(hour=ends % 24, minute=0, second=0, microsecond=0)
    if morning <= local:
        morning = (local.replace(tzinfo=None) + _DAY).replace(
            hour=ends % 24, minute=0, second=0, microsecond=0, tzinfo=zone
        )
    return morning
