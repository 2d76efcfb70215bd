"""Setting a password by a link: after an invitation, and when it was forgotten."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.views import PasswordResetConfirmView
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.csrf import csrf_protect
from unfold.widgets import UnfoldAdminPasswordToggleWidget

from tenants.admin.sites import BrandedSite, merchant_site, platform_site
from tenants.kernel.address import client_address
from tenants.kernel.posted import posted
from tenants.selectors.requests import site_here
from tenants.services.audit import audit
from tenants.services.people import password_link_ask
from tenants.services.throttle import Limit, count, is_spent
from tenants.workspace.models import User

RESETS = Limit("password-reset", tries=5, window_s=60 * 60)


def _admin_site(request: HttpRequest) -> BrandedSite:
    return merchant_site if site_here(request).merchant else platform_site


@csrf_protect
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link. The answer is the same for a known and an unknown address."""
    admin_site = _admin_site(request)
    form = admin_site.reset_form(posted(request))
    sent = False
    if request.method == "POST" and form.is_valid():
        email = form.cleaned_data["email"].lower()
        who = client_address(request) or "?"
        if is_spent(RESETS, who) or is_spent(RESETS, email):
            form.add_error(None, _("Too many attempts. Try again in an hour."))
        else:
            count(RESETS, who)
            count(RESETS, email)
            site = site_here(request)
            user = User.objects.filter(email=email, is_active=True).first()
            if user is not None and (site.merchant or user.partner_id in (None, site.partner.pk)):
                password_link_ask(site, user)
                audit("password.link_asked", email, actor=user)
            sent = True
    return TemplateResponse(
        request,
        "desk/password_forgotten.html",
        admin_site.context(request, _("New password"), form=form, sent=sent),
    )


class SetPassword(PasswordResetConfirmView):
    template_name = "desk/password_set.html"
    title = gettext_lazy("New password")

    def get_form(self, form_class: Any = None) -> Any:
        form = super().get_form(form_class)
        for name in ("new_password1", "new_password2"):
            form.fields[name].widget = UnfoldAdminPasswordToggleWidget(
                {"autocomplete": "new-password"}
            )
        form.fields["new_password1"].help_text = _("At least 8 characters, not a common word.")
        return form

    def get_success_url(self) -> str:
        return reverse(f"{_admin_site(self.request).name}:login")

    def form_valid(self, form: Any) -> HttpResponse:
        response = super().form_valid(form)
        user = form.user
        audit("password.set", user.email, actor=user)
        messages.success(self.request, _("The password is set. Log in with it."))
        return response

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context_data(**kwargs)
        return {**_admin_site(self.request).context(self.request, self.title), **context}


for _site in (merchant_site, platform_site):
    _site.page("password/forgotten/", name="admin_password_reset", is_open=True)(forgotten)
    _site.page("password/set/<uidb64>/<token>/", name="set", is_open=True)(SetPassword.as_view())
