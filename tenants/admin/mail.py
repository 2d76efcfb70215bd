"""The mail server of a brand: a merchant's, a partner's. Tried by a letter to whoever sets it."""

from __future__ import annotations

from collections.abc import Iterator
from email.utils import parseaddr
from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from tenants.admin.home import Notice, notifier
from tenants.admin.menu import Entry, may, merchant_menu, platform_menu
from tenants.admin.scope import partner_in_scope
from tenants.admin.sites import BrandedSite, merchant_site, platform_site
from tenants.kernel.context import PUBLIC, merchant_context
from tenants.kernel.posted import add_faults, posted
from tenants.models import Brand, MailServer
from tenants.selectors.requests import actor_of, merchant_branded, site_here
from tenants.selectors.scope import is_boss
from tenants.services.audit import audit
from tenants.services.mail import (
    House,
    MailFailed,
    answers_to,
    mail_server_remove,
    mail_server_save,
    mail_server_try,
    server_of,
)
from tenants.services.shops import shop_brand_save
from tenants.services.throttle import Limit, count, is_spent

TRIES = Limit("mail-test", tries=20, window_s=60 * 60)
FIELDS = ("host", "port", "security", "username", "sender")


class MailServerForm(forms.Form):
    host = forms.CharField(
        label=gettext_lazy("Server"),
        max_length=253,
        widget=forms.TextInput({"placeholder": "smtp.example.com", "autocapitalize": "none"}),
    )
    security = forms.ChoiceField(
        label=gettext_lazy("Encryption"), choices=MailServer.Security.choices
    )
    port = forms.IntegerField(label=gettext_lazy("Port"), min_value=1, max_value=65535)
    username = forms.CharField(
        label=gettext_lazy("User name"),
        required=False,
        max_length=254,
        widget=forms.TextInput({"autocomplete": "off", "autocapitalize": "none"}),
        help_text=gettext_lazy("Usually the whole address of the mailbox."),
    )
    password = forms.CharField(
        label=gettext_lazy("Password"),
        required=False,
        max_length=1000,
        widget=forms.PasswordInput({"autocomplete": "new-password"}),
    )
    sender = forms.EmailField(
        label=gettext_lazy("Address of e-mails"),
        help_text=gettext_lazy("Readers see it as the sender. The server has to allow it."),
    )

    def __init__(self, data: Any = None, *, server: MailServer | None, sender: str) -> None:
        found: dict[str, Any] = {"port": 587, "sender": sender}
        if server:
            found = {name: getattr(server, name) for name in FIELDS}
        super().__init__(data, initial=found)
        if server and server.sealed:
            self.fields["password"].help_text = _("Stored and never shown. Empty keeps it.")


def _page(request: HttpRequest, site: BrandedSite, house: House, name: str) -> HttpResponse:
    """Look, save, try, remove: the same for a merchant and a partner."""
    owner = house.merchant or house.partner
    with merchant_context(PUBLIC):
        brand = owner.brand
        server = MailServer.objects.filter(brand=brand).first() if brand else None
    inherited = None if server else server_of(house)
    form = MailServerForm(
        posted(request), server=server, sender=brand.sender_email if brand else ""
    )
    here = f"{reverse(f'{site.name}:mail')}{name}"
    if request.method == "POST" and request.POST.get("do") == "remove":
        if brand is None or server is None:
            pass
        elif request.POST.get("typed", "").strip() != server.host:
            messages.error(request, _("This is not the name. Nothing was changed."))
        else:
            mail_server_remove(brand)
            audit("mailserver.deleted", str(server), actor=actor_of(request))
            messages.success(request, _("Removed. Letters go out as before."))
        return redirect(here)
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        brand = brand or _brand_made(house)
        try:
            server = mail_server_save(
                brand, password=given["password"], **{n: given[n] for n in FIELDS}
            )
        except ValidationError as error:
            add_faults(form, error)
        else:
            audit("mailserver.changed", str(server), actor=actor_of(request))
            if request.POST.get("do") == "try":
                _try(request, server, house)
            else:
                messages.success(request, _("Saved."))
            return redirect(here)
    return TemplateResponse(
        request,
        "desk/mail.html",
        site.context(
            request,
            _("E-mail of %(brand)s") % {"brand": house.brand["name"]},
            form=form,
            server=server,
            inherited=inherited,
            sender=parseaddr(settings.DEFAULT_FROM_EMAIL)[1],
            answers=answers_to(house),
            is_merchant=house.merchant is not None,
            email=actor_of(request).email,
        ),
    )


def _brand_made(house: House) -> Brand:
    assert house.merchant is not None
    return shop_brand_save(house.merchant)


def _try(request: HttpRequest, server: MailServer, house: House) -> None:
    who = actor_of(request)
    if is_spent(TRIES, who.email):
        messages.warning(request, _("Saved, not tried: too many test letters. Wait an hour."))
        return
    count(TRIES, who.email)
    try:
        mail_server_try(server, house, to=who.email)
    except MailFailed as failed:
        messages.error(request, _("Saved, but the test letter did not leave. %(why)s")
                       % {"why": failed})  # fmt: skip
    else:
        messages.success(
            request,
            _("%(server)s took the test letter to %(email)s. Look whether it arrived.")
            % {"server": server, "email": who.email},
        )


@merchant_site.page("mail/", name="mail")
def merchant_mail(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("tenants.change_brand"):
        raise PermissionDenied
    merchant, partner = merchant_branded(request)
    return _page(request, merchant_site, House(partner, merchant), "")


@platform_site.page("mail/", name="mail")
def partner_mail(request: HttpRequest) -> HttpResponse:
    partner, query = partner_in_scope(request)
    return _page(request, platform_site, House(partner), query)


@notifier("merchant", "platform")
def broken_server(request: HttpRequest) -> Iterator[Notice]:
    """The brand's own server does not take letters; the platform's does its work meanwhile."""
    site = site_here(request)
    owner: Any = site.merchant or site.partner
    allowed = request.user.has_perm("tenants.change_brand") if site.merchant else is_boss(request)
    if not allowed or not owner.brand_id:
        return
    with merchant_context(PUBLIC):
        server = MailServer.objects.filter(brand_id=owner.brand_id).exclude(fault="").first()
    if server is not None:
        name = "merchant" if site.merchant else "platform"
        yield Notice(
            _("Your mail server does not take letters, so they go through another one. %(why)s")
            % {"why": server.fault},
            reverse(f"{name}:mail"),
            _("Look at it"),
            "late",
        )


merchant_menu.add(
    Entry("settings", 45, gettext_lazy("E-mail"), "mail", "mail", may("tenants.change_brand")),
)
platform_menu.add(Entry("settings", 7, gettext_lazy("E-mail"), "mail", "mail", is_boss))
