"""Log-in and password forms. Refusals never tell whether an address is known."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.forms import AuthenticationForm
from unfold.widgets import UnfoldAdminEmailInputWidget

from tenants.kernel.address import client_address
from tenants.selectors.requests import site_or_none
from tenants.services.audit import audit
from tenants.services.throttle import Limit, count, forgive, is_spent

# One person mistyping; one address trying one account, or many accounts, or many addresses one.
PAIR = Limit("login", tries=5, window_s=15 * 60)
ADDRESS = Limit("login-address", tries=50, window_s=15 * 60)
ACCOUNT = Limit("login-account", tries=30, window_s=60 * 60)


class LoginForm(AuthenticationForm):
    error_messages = {
        "invalid_login": _("E-mail and password do not fit together. Check both and try again."),
        "inactive": _("E-mail and password do not fit together. Check both and try again."),
        "throttled": _(
            "Too many attempts. Wait 15 minutes, or set a new password by “Forgotten password”."
        ),
    }

    def __init__(self, request: HttpRequest | None = None, *args: Any, **kwargs: Any) -> None:
        super().__init__(request, *args, **kwargs)
        self.fields["username"].label = _("E-mail")
        if request is not None and (email := request.GET.get("email", "")):
            self.fields["username"].initial = email[:254]
            self.fields["username"].widget.attrs.pop("autofocus", None)
            self.fields["password"].widget.attrs["autofocus"] = ""
        self.fields["username"].widget.attrs |= {
            "type": "email",
            "autocomplete": "username",
            "inputmode": "email",
        }

    def clean(self) -> dict[str, Any]:
        account = str(self.cleaned_data.get("username") or "").strip().lower()
        address = (client_address(self.request) if self.request else "") or "?"
        counters = ((PAIR, f"{address} {account}"), (ADDRESS, address), (ACCOUNT, account))
        if any(is_spent(limit, who) for limit, who in counters):
            raise ValidationError(self.error_messages["throttled"], code="throttled")
        self.cleaned_data["username"] = account
        try:
            cleaned = super().clean()
        except ValidationError:
            for limit, who in counters:
                if count(limit, who) == limit.tries:
                    audit("login.throttled", account, actor=account)
            raise
        forgive(PAIR, f"{address} {account}")
        return cleaned

    def confirm_login_allowed(self, user: Any) -> None:
        super().confirm_login_allowed(user)
        site = site_or_none(self.request) if self.request else None
        if site is None or (
            site.merchant is None and user.partner_id not in (None, site.partner.pk)
        ):
            raise self.get_invalid_login_error()


class ResetForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"),
        widget=UnfoldAdminEmailInputWidget({"autocomplete": "username", "autofocus": True}),
    )
