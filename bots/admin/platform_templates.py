"""A channel's page of texts its platform has to approve: states, handing in, which of ours stand
behind them."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST

from bots.models import Channel, Template
from bots.services import platform_templates as service
from bots.services.vendor_words import in_words
from tenants.admin.base import OwnPage, settled
from tenants.kernel.errors import RuleBroken, VendorError
from tenants.kernel.posted import posted

LANGUAGES = (("ru", "Русский"), ("en", "English"))
STATES = {
    "approved": (gettext_lazy("approved"), "is-done"),
    "pending": (gettext_lazy("waits for approval"), "is-waiting"),
    "rejected": (gettext_lazy("rejected"), "is-late"),
    "paused": (gettext_lazy("paused"), "is-late"),
}
CATEGORIES = (
    ("utility", gettext_lazy("about an order or a question")),
    ("marketing", gettext_lazy("advertising")),
)


class HandInForm(forms.Form):
    template = forms.ModelChoiceField(
        label=gettext_lazy("Template"), queryset=Template.objects.none(), empty_label=None
    )
    lang = forms.ChoiceField(label=gettext_lazy("Language"), choices=LANGUAGES)
    category = forms.ChoiceField(label=gettext_lazy("Category"), choices=CATEGORIES)

    def __init__(self, *args: Any, **more: Any) -> None:
        super().__init__(*args, **more)
        chosen: Any = self.fields["template"]
        chosen.queryset = Template.objects.filter(is_active=True).order_by("name")


class PlatformTemplatePages(OwnPage):
    """For the admin of channels."""

    def template_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path(
                "<int:pk>/templates/", wrap(self.templates_view), name="channel_platform_templates"
            ),
            path(
                "<int:pk>/templates/link/",
                wrap(require_POST(self.template_link_view)),
                name="channel_platform_link",
            ),
        ]

    def templates_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """The platform's texts as it tells them now; POST hands one of ours in."""
        channel = self._with_templates(request, pk)
        form = HandInForm(posted(request))
        if request.method == "POST" and form.is_valid():
            given = form.cleaned_data
            try:
                made = service.template_submit(
                    channel, given["template"], given["lang"], category=given["category"]
                )
            except VendorError as exc:
                form.add_error(None, in_words(exc.detail))
            except RuleBroken as exc:
                form.add_error("lang", str(exc))
            else:
                return self._back(
                    request, channel, "template.handed_in", made.name,
                    _("It is handed in. The answer comes within a day, mostly in minutes."),
                )  # fmt: skip
        trouble = ""
        try:
            service.templates_refresh(channel)
        except VendorError as exc:
            trouble = in_words(exc.detail)
        rows = [
            {**row, "state_title": STATES[row["state"]][0], "tone": STATES[row["state"]][1]}
            for row in service.rows_of(channel)
        ]
        return TemplateResponse(
            request,
            "desk/platform_templates.html",
            self.admin_site.context(
                request,
                _("Templates of %(channel)s") % {"channel": channel.name},
                form=form,
                channel=channel,
                rows=rows,
                trouble=trouble,
                ours=Template.objects.filter(is_active=True).order_by("name"),
                may_change=self.has_change_permission(request, channel),
                opts=self.opts,
                original=channel,
            ),
        )

    def template_link_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Which of ours goes out as this text; none lets go of what was linked."""
        channel = self._with_templates(request, pk)
        name, language = request.POST.get("name", ""), request.POST.get("language", "")
        chosen = request.POST.get("template", "")
        try:
            if chosen.isdigit():
                ours = Template.objects.filter(pk=int(chosen)).first()
                if ours is None:
                    raise Http404
                one = service.one_of(channel, name, language)
                service.template_link(channel, ours, language[:2], one)
            else:
                service.template_unlink(channel, name, language)
        except RuleBroken as refused:
            messages.error(request, str(refused))
            return redirect("merchant:channel_platform_templates", channel.pk)
        return self._back(request, channel, "template.linked", name, _("Saved."))

    def _back(
        self, request: HttpRequest, channel: Channel, code: str, name: str, text: str
    ) -> HttpResponse:
        answer = settled(
            request, "merchant:bots_channel_changelist", code, f"{channel}: {name}", text
        )
        answer["Location"] = redirect("merchant:channel_platform_templates", channel.pk)["Location"]
        return answer

    def _with_templates(self, request: HttpRequest, pk: int) -> Channel:
        channel: Channel | None = self.get_object(request, str(pk))
        if channel is None or not self.has_change_permission(request, channel):
            raise PermissionDenied
        if not service.has_templates(channel):
            raise Http404
        return channel
