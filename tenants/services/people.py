"""People who log in: invitations, roles, passwords. The last owner always stays."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_encode
from django.utils.translation import gettext as _

from tenants.kernel import due
from tenants.kernel.context import PUBLIC, current_schema
from tenants.kernel.errors import RetryLater, RuleBroken
from tenants.models import Partner
from tenants.selectors.hosts import Site, merchant_of, primary_host, site_of, url_of
from tenants.services import limits
from tenants.services.mail import House, MailFailed, mail_send
from tenants.services.partners import partner_host
from tenants.workspace.models import User

LETTER = "password.letter"
AGAIN_S = 300


class LastOwner(RuleBroken):
    """Without an owner nobody could bring one back."""

    code = "last_owner"


def owners_besides(user: User) -> int:
    """How many other owners of the same house (merchant, platform or partner) may log in."""
    return (
        User.objects.filter(role=User.Role.OWNER, is_active=True, partner_id=user.partner_id)
        .exclude(pk=user.pk)
        .count()
    )


def refuse_last_owner(user: User) -> None:
    """Raises LastOwner when this is the only owner who may log in."""
    if user.role == User.Role.OWNER and user.is_active and not owners_besides(user):
        raise LastOwner(_("This is the only owner. Make somebody else an owner first."))


def person_save(user: User) -> User:
    """Save a changed person. Raises LastOwner when nobody would be left to rule, LimitReached
    when somebody is switched on again beyond the plan."""
    with transaction.atomic():
        before = User.objects.select_for_update().filter(pk=user.pk).first()
        if before is not None and not (user.role == User.Role.OWNER and user.is_active):
            refuse_last_owner(before)
        if before is not None and user.is_active and not before.is_active:
            may_come_in()
        user.email = user.email.lower()
        user.save()
    return user


def person_delete(user: User) -> None:
    """Raises LastOwner."""
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        refuse_last_owner(locked)
        locked.delete()


def may_come_in() -> None:
    """Raises LimitReached where a merchant's plan allows no more people."""
    if current_schema() != PUBLIC:
        limits.check("agents")


def person_invite(
    *, email: str, name: str, role: str, language: str = "", partner_id: int | None = None
) -> User:
    """A person without a password; the link to set one is sent by `password_link_send`.

    Raises LimitReached where a merchant's plan allows no more.
    """
    may_come_in()
    return User.objects.create_user(
        email, None, name=name, role=role, language=language, partner_id=partner_id
    )


def set_password_url(site: Site, user: User) -> str:
    """The link that lets `user` set a password; it works once and for three days."""
    path = reverse(
        f"{'merchant' if site.merchant else 'platform'}:set",
        args=(
            urlsafe_base64_encode(force_bytes(user.pk)),
            default_token_generator.make_token(user),
        ),
        urlconf=settings.ROOT_URLCONF if site.merchant else settings.PUBLIC_SCHEMA_URLCONF,
    )
    return url_of(site.host, path)


def password_link_ask(site: Site, user: User) -> None:
    """Send the link to somebody who forgot the password; later where no server takes it now.

    Nothing is told to who asks: known and unknown addresses are answered alike.
    """
    try:
        password_link_send(site=site, user=user, link=set_password_url(site, user))
    except MailFailed:
        due.schedule(LETTER, user.pk, due_at=timezone.now() + timedelta(seconds=AGAIN_S))


@due.worker(LETTER)
def _password_letter(user_id: int) -> datetime | None:
    user = User.objects.filter(pk=user_id, is_active=True).first()
    if user is None:
        return None
    site = site_of(_host_of(user))
    if site is None:
        return None
    with translation.override(user.language or (site.merchant or site.partner).language):
        try:
            password_link_send(site=site, user=user, link=set_password_url(site, user))
        except MailFailed as exc:
            raise RetryLater(str(exc), retry_after_s=AGAIN_S) from exc
    return None


def _host_of(user: User) -> str:
    """Where somebody of the current schema logs in."""
    schema = current_schema()
    if schema != PUBLIC:
        return primary_host(merchant_of(schema))
    partners = Partner.objects.all()
    return partner_host(
        partners.get(pk=user.partner_id) if user.partner_id else partners.get(is_platform=True)
    )


def password_link_send(*, site: Site, user: User, link: str, is_invitation: bool = False) -> None:
    """Mail the link in the name of the site's brand; plain text, nothing else in it.

    Raises MailFailed.
    """
    brand = site.brand["name"]
    if is_invitation:
        subject = _("You are invited to %(brand)s") % {"brand": brand}
        text = _(
            "Hello,\n\nyou can now work in %(brand)s. Set your password here (the link works once, "
            "for three days):\n\n%(link)s\n"
        )
    else:
        subject = _("New password for %(brand)s") % {"brand": brand}
        text = _(
            "Hello,\n\nsomebody asked for a new password for this address in %(brand)s. "
            "Set it here (the link works once, for three days):\n\n%(link)s\n\n"
            "If it was not you, do nothing: the old password stays.\n"
        )
    mail_send(
        House(site.partner, site.merchant),
        to=user.email,
        subject=subject,
        text=text % {"brand": brand, "link": link},
    )
