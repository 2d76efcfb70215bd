"""Telling of a month's dialogues: once near the plan's limit, once when it is reached.

The audit log remembers what was told; letters go out as due work, a row for each reader.
"""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from tenants.kernel import due
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.kernel.errors import RetryLater
from tenants.models import Merchant, Partner
from tenants.selectors.hosts import merchant_of, primary_host, url_of
from tenants.services import limits
from tenants.services.audit import audit
from tenants.services.mail import House, MailFailed, mail_send
from tenants.services.partners import partner_host
from tenants.workspace.models import AuditEntry, User

NEAR, REACHED = "limit.near", "limit.reached"
OWN, PARTNERS = "limit.letter", "limit.letter.partner"
AGAIN_S = 600


def month_of(merchant: Merchant) -> str:
    """The current month at the merchant's, as "2026-11"."""
    return f"{timezone.now().astimezone(ZoneInfo(merchant.time_zone)):%Y-%m}"


def dialogues_watch() -> None:
    """Look at the current merchant's month and tell whoever has to know, once."""
    now = limits.use(limits.DIALOGUES)
    if not now.is_near:
        return
    action = REACHED if now.is_spent else NEAR
    schema, merchant = current_schema(), merchant_of(current_schema())
    month = month_of(merchant)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"told:{schema}",))
        told = AuditEntry.objects.filter(action=action, data__month=month)
        if told.exists():
            return
        for log in (schema, PUBLIC):
            audit(action, f"merchant:{merchant.slug}", schema=log, month=month, limit=now.most)
        if merchant.is_demo:
            return
        for user in _owners(User.objects.filter(partner_id=None)):
            due.schedule(OWN, user.pk)
        with merchant_context(PUBLIC):
            readers = list(_owners(_people_of(merchant.partner)))
        for user in readers:
            due.schedule(PARTNERS, user.pk)


def _owners(found: QuerySet[User]) -> QuerySet[User]:
    return found.filter(Q(role=User.Role.OWNER) | Q(is_superuser=True), is_active=True)


def partner_staff(partner: Partner) -> QuerySet[User]:
    """Who sets a partner's things up: its owners and administrators. In the public schema."""
    bosses = Q(role__in=[User.Role.OWNER, User.Role.ADMIN]) | Q(is_superuser=True)
    return _people_of(partner).filter(bosses, is_active=True)


def _people_of(partner: Partner | None) -> QuerySet[User]:
    own = None if partner is None or partner.is_platform else partner.pk
    return User.objects.filter(partner_id=own)


@due.worker(OWN)
def _tell_merchant(user_id: int) -> datetime | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    merchant = merchant_of(current_schema())
    if user is not None and merchant.partner is not None:
        link = url_of(primary_host(merchant), "/admin/")
        _send(House(merchant.partner, merchant), merchant, user, merchant.language, link)
    return None


@due.worker(PARTNERS)
def _tell_partner(user_id: int) -> datetime | None:
    merchant = merchant_of(current_schema())
    partner = merchant.partner
    with merchant_context(PUBLIC):
        user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is not None and partner is not None:
        link = url_of(partner_host(partner), f"/admin/tenants/merchant/{merchant.pk}/change/")
        _send(House(partner), merchant, user, partner.language, link)
    return None


def _send(house: House, merchant: Merchant, user: User, language: str, link: str) -> None:
    now = limits.use(limits.DIALOGUES)
    if not now.is_near:
        return  # a larger plan meanwhile
    with translation.override(user.language or language):
        words = {"shop": merchant.name, "used": now.have, "limit": now.most, "link": link}
        if now.is_spent:
            subject = _("%(shop)s: this month's dialogues are used up")
            text = _(
                "Hello,\n\n%(shop)s has had %(used)s dialogues this month; the plan allows "
                "%(limit)s.\n\nNo buyer is turned away: until the month ends the bot answers from "
                "templates, articles and the catalogue, without a language model, and calls a "
                "person where that is not enough. A larger plan lifts this at once.\n\n%(link)s\n"
            )
        else:
            subject = _("%(shop)s: this month's dialogues are running out")
            text = _(
                "Hello,\n\n%(shop)s has had %(used)s dialogues this month; the plan allows "
                "%(limit)s. Past that the bot answers without a language model until the month "
                "ends; no buyer is turned away. A larger plan lifts this.\n\n%(link)s\n"
            )
        try:
            mail_send(house, to=user.email, subject=subject % words, text=text % words)
        except MailFailed as exc:
            raise RetryLater(str(exc), retry_after_s=AGAIN_S) from exc
