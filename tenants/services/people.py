"""People who log in: invitations, roles, passwords. The last owner always stays."""

from __future__ import annotations

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.utils.translation import gettext as _

from tenants.kernel.errors import RuleBroken
from tenants.selectors.hosts import Site
from tenants.workspace.models import User


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
    """Save a changed person. Raises LastOwner when nobody would be left to rule."""
    with transaction.atomic():
        before = User.objects.select_for_update().filter(pk=user.pk).first()
        if before is not None and not (user.role == User.Role.OWNER and user.is_active):
            refuse_last_owner(before)
        user.email = user.email.lower()
        user.save()
    return user


def person_delete(user: User) -> None:
    """Raises LastOwner."""
    with transaction.atomic():
        locked = User.objects.select_for_update().get(pk=user.pk)
        refuse_last_owner(locked)
        locked.delete()


def person_invite(
    *, email: str, name: str, role: str, language: str = "", partner_id: int | None = None
) -> User:
    """A person without a password; the link to set one is sent by `password_link_send`."""
    return User.objects.create_user(
        email, None, name=name, role=role, language=language, partner_id=partner_id
    )


def _sender(site: Site) -> str:
    brand = site.brand
    address = brand.get("sender_email") or settings.DEFAULT_FROM_EMAIL
    name = brand.get("sender_name") or brand.get("name", "")
    return f'"{name}" <{address}>' if name else address


def password_link_send(*, site: Site, user: User, link: str, is_invitation: bool = False) -> None:
    """Mail the link in the name of the site's brand; plain text, nothing else in it."""
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
    reply_to = [site.brand["support_email"]] if site.brand.get("support_email") else None
    EmailMessage(
        subject, text % {"brand": brand, "link": link}, _sender(site), [user.email],
        reply_to=reply_to,
    ).send()  # fmt: skip
