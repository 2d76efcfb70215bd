"""A merchant's life: created, suspended, renamed, deleted. Used alike by the sign-up page, the
admin, the API and `manage.py`; every step is in the audit log.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import IntegrityError, OperationalError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from tenants.kernel import due, registry
from tenants.kernel.context import PUBLIC, current_schema, merchant_context
from tenants.kernel.errors import RuleBroken
from tenants.models import Brand, Domain, Merchant, Partner
from tenants.selectors.hosts import forget_hosts
from tenants.services import erase, provision, welcome
from tenants.services.audit import audit
from tenants.services.names import host_clean, slug_clean
from tenants.services.partners import partner_host, platform_ensure
from tenants.workspace.models import User

log = logging.getLogger(__name__)

GRACE = timedelta(days=14)
ERASE_AGAIN = timedelta(seconds=30)


class WrongState(RuleBroken):
    code = "wrong_state"


class NotConfirmed(RuleBroken):
    code = "not_confirmed"
    status = 400


def merchant_create(
    *,
    slug: str,
    name: str,
    email: str,
    password: str,
    partner: Partner | None = None,
    host: str = "",
    language: str = "",
    actor: User | str | None = None,
    brand: dict[str, str] | None = None,
    is_demo: bool = False,
    is_welcomed: bool = False,
) -> Merchant:
    """A merchant with its host, its owner and what every app puts in (`registry.fill`).

    Takes a prepared schema where there is one, else prepares one now. A failure leaves no row,
    schema, role or host behind. The owner is `merchant_owner(merchant)`. `is_welcomed`: the owner
    gets a letter with the way in (services/welcome.py).
    Raises: ValidationError, by field.
    """
    with merchant_context(PUBLIC):
        partner = partner or platform_ensure()
        slug = slug_clean(slug)
        try:
            host = host_clean(host or f"{slug}.{partner_host(partner)}")
        except ValidationError:
            slug_clean(slug)  # somebody took the name in this moment, and its host with it
            raise
        if not name.strip():
            raise ValidationError({"name": _("A name is needed: buyers see it.")})
        email = _email_clean(email)
        _password_check(password, email, name)
    # Takes longer than all the rest and needs no lock.
    hashed = make_password(password)
    values: dict[str, Any] = {
        "slug": slug,
        "name": name.strip(),
        "partner": partner,
        "plan": partner.plan,
        "language": language or partner.language,
        "region": partner.region,
        "is_demo": is_demo,
        "created_at": timezone.now(),
        "state": Merchant.State.ACTIVE,
    }
    prepared: Merchant | None = None
    try:
        while True:
            with merchant_context(PUBLIC), transaction.atomic():
                merchant = provision.spare_claim(**values)
                if merchant is not None:
                    owner = _furnish(merchant, host, email, hashed, brand or {}, actor)
                    if is_welcomed:
                        with merchant_context(merchant.schema_name):
                            due.schedule(welcome.LETTER, owner.pk)
                    break
            prepared = provision.spare_prepare()
    except BaseException as exc:
        if prepared is not None:
            provision.schema_drop(prepared)
        if isinstance(exc, IntegrityError):
            # Somebody took the name in the same moment: said as if a moment earlier.
            with merchant_context(PUBLIC):
                slug_clean(slug)
                host_clean(host)
        raise
    forget_hosts()
    return merchant


def _furnish(
    merchant: Merchant,
    host: str,
    email: str,
    hashed: str,
    brand: dict[str, str],
    actor: User | str | None,
) -> User:
    """Everything a claimed spare becomes a shop by, inside the claiming transaction."""
    if brand:
        merchant.brand = Brand.objects.create(**brand)
        merchant.save(update_fields=["brand"])
    assert merchant.partner is not None  # a spare is claimed for one
    Domain.objects.create(host=host, partner=merchant.partner, merchant=merchant)
    provision.spares_replenish_soon()
    with merchant_context(merchant.schema_name):
        owner = User.objects.create(
            email=email, password=hashed, role=User.Role.OWNER, language=merchant.language
        )
        for _name, part in registry.fill:
            part(merchant, owner)
    _audit_both("merchant.created", merchant, actor or email, host=host)
    return owner


def _email_clean(email: str) -> str:
    email = email.strip().lower()
    try:
        validate_email(email)
    except ValidationError as exc:
        raise ValidationError({"email": exc.messages}) from None
    return email


def _password_check(password: str, email: str, name: str) -> None:
    try:
        validate_password(password, User(email=email, name=name))
    except ValidationError as exc:
        raise ValidationError({"password": exc.messages}) from None


def _audit_both(action: str, merchant: Merchant, actor: User | str | None, **data: Any) -> None:
    """In the platform's log and in the merchant's own."""
    for schema in (PUBLIC, merchant.schema_name):
        audit(action, f"merchant:{merchant.slug}", actor=actor, schema=schema, **data)


def merchant_owner(merchant: Merchant) -> User:
    """The first owner. To be called outside; the row is of the merchant's schema."""
    with merchant_context(merchant.schema_name):
        owner = User.objects.filter(role=User.Role.OWNER, is_active=True).order_by("pk").first()
    if owner is None:
        raise LookupError(f"{merchant} has no owner")
    return owner


def _locked(merchant: Merchant, *allowed: str) -> Merchant:
    """The row under a lock, in one of the allowed states. Raises WrongState."""
    found = Merchant.objects.select_for_update().get(pk=merchant.pk)
    if found.state not in allowed:
        raise WrongState(_("This cannot be done now: the merchant is %s.")
                         % found.get_state_display(), state=found.state)  # fmt: skip
    return found


def merchant_suspend(merchant: Merchant, *, reason: str, actor: User | str | None = None) -> None:
    """Stop serving: its hosts show a plain page, its hooks answer 404. Nothing is lost."""
    with merchant_context(PUBLIC), transaction.atomic():
        found = _locked(merchant, Merchant.State.ACTIVE)
        found.state, found.state_reason = Merchant.State.SUSPENDED, reason[:200]
        found.save(update_fields=["state", "state_reason"])
        _audit_both("merchant.suspended", found, actor, reason=reason)
    _follow(merchant, found)


def merchant_resume(merchant: Merchant, *, actor: User | str | None = None) -> None:
    """Serve again, after a suspension or inside the grace period of a deletion."""
    with merchant_context(PUBLIC), transaction.atomic():
        found = _locked(merchant, Merchant.State.SUSPENDED, Merchant.State.DELETING)
        found.state, found.state_reason = Merchant.State.ACTIVE, ""
        found.delete_after = None
        found.save(update_fields=["state", "state_reason", "delete_after"])
        due.cancel("merchant.erase", found.pk)
        _audit_both("merchant.resumed", found, actor)
    _follow(merchant, found)


def merchant_rename(
    merchant: Merchant,
    *,
    name: str | None = None,
    slug: str | None = None,
    host: str | None = None,
    actor: User | str | None = None,
) -> None:
    """Change what people see. The schema's name stays. Raises ValidationError, by field.

    A new short name moves the host below the partner's too, unless `host` says otherwise; a host
    of the merchant's own stays.
    """
    with merchant_context(PUBLIC), transaction.atomic():
        found = _locked(merchant, Merchant.State.ACTIVE, Merchant.State.SUSPENDED)
        assert found.partner is not None
        domain = found.domains.order_by("-is_primary", "pk").get()
        before = {"name": found.name, "slug": found.slug, "host": domain.host}
        below = partner_host(found.partner)
        if name is not None:
            if not name.strip():
                raise ValidationError({"name": _("A name is needed: buyers see it.")})
            found.name = name.strip()
        if slug is not None:
            clean = slug_clean(slug, besides=found)
            if host is None and domain.host == f"{found.slug}.{below}":
                host = f"{clean}.{below}"
            found.slug = clean
        if host is not None:
            domain.host = host_clean(host, besides=found)
            domain.save(update_fields=["host"])
        found.save(update_fields=["name", "slug"])
        after = {"name": found.name, "slug": found.slug, "host": domain.host}
        changed = {key: [before[key], after[key]] for key in after if before[key] != after[key]}
        _audit_both("merchant.renamed", found, actor, **changed)
    _follow(merchant, found)


def merchant_delete(
    merchant: Merchant,
    *,
    confirm: str,
    actor: User | str | None = None,
    grace: timedelta = GRACE,
) -> datetime:
    """Stop serving and erase everything after the grace period. Returns when.

    `confirm` is the merchant's short name, typed by the person. Until then `merchant_resume`
    makes it work again and `merchant_delete_cancel` brings it back as it was.
    """
    with merchant_context(PUBLIC), transaction.atomic():
        found = _locked(merchant, Merchant.State.ACTIVE, Merchant.State.SUSPENDED)
        if confirm != found.slug:
            raise NotConfirmed(_("Type the merchant's short name to confirm."))
        found.state, found.delete_after = Merchant.State.DELETING, timezone.now() + grace
        found.save(update_fields=["state", "delete_after"])
        due.schedule("merchant.erase", found.pk, due_at=found.delete_after)
        _audit_both("merchant.deleting", found, actor, after=found.delete_after.isoformat())
    _follow(merchant, found)
    return found.delete_after


def merchant_delete_cancel(merchant: Merchant, *, actor: User | str | None = None) -> None:
    """Call a deletion off: as it was before, so one that was suspended stays suspended."""
    with merchant_context(PUBLIC), transaction.atomic():
        found = _locked(merchant, Merchant.State.DELETING)
        # A suspension always has its reason; a deletion leaves it where it is.
        was_suspended = bool(found.state_reason)
        found.state = Merchant.State.SUSPENDED if was_suspended else Merchant.State.ACTIVE
        found.delete_after = None
        found.save(update_fields=["state", "delete_after"])
        due.cancel("merchant.erase", found.pk)
        _audit_both("merchant.delete_cancelled", found, actor)
    _follow(merchant, found)


def _follow(merchant: Merchant, found: Merchant) -> None:
    """Bring the caller's object up to date and forget what this process kept of it."""
    for field in ("name", "slug", "state", "state_reason", "delete_after"):
        setattr(merchant, field, getattr(found, field))
    forget_hosts()


@due.worker("merchant.erase")
def merchant_erase(object_id: int) -> datetime | None:
    """The end of the grace period: schema, role, files, keys, cache, routes and row go.

    Repeats safely: what was erased before is not found again.
    """
    assert current_schema() == PUBLIC
    merchant = Merchant.objects.filter(pk=object_id).first()
    if merchant is None or merchant.state != Merchant.State.DELETING:
        return None
    if merchant.delete_after and merchant.delete_after > timezone.now():
        return merchant.delete_after
    for _name, part in registry.erase:
        part(merchant)
    try:
        provision.schema_drop(merchant)
    except OperationalError:
        log.warning("%s is in use; it is erased in a while", merchant.schema_name)
        return timezone.now() + ERASE_AGAIN
    audit("merchant.erased", f"merchant:{merchant.slug}", pk=object_id)
    # What was at work inside until the schema went may have written beside it meanwhile.
    for part in erase.OUTSIDE:
        part(merchant)
    forget_hosts()
    return None
