"""What the chat on a site says first: greetings, their conditions and how they did."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bots.models import Channel, Greeting, Segment
from tenants.admin.base import settled
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.posted import posted

ANY = (("", gettext_lazy("any")), ("yes", gettext_lazy("yes")), ("no", gettext_lazy("no")))
_YES_NO = ("returning", "known", "open")


class GreetingForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=80, required=False)
    is_on = forms.BooleanField(label=gettext_lazy("On"), required=False)
    text_ru = forms.CharField(label=gettext_lazy("Text in Russian"), max_length=500, required=False)
    text_en = forms.CharField(label=gettext_lazy("Text in English"), max_length=500, required=False)
    page = forms.CharField(
        label=gettext_lazy("Page"), max_length=200, required=False,
        help_text=gettext_lazy("A path with *, e.g. /catalog/*. Empty: any page."),
    )  # fmt: skip
    seconds = forms.IntegerField(
        label=gettext_lazy("Seconds on the page"), min_value=1, max_value=3600, required=False
    )
    cart_from = forms.DecimalField(
        label=gettext_lazy("Cart from"), min_value=0, max_digits=12, decimal_places=2,
        required=False,
    )  # fmt: skip
    returning = forms.ChoiceField(
        label=gettext_lazy("Was here before"), choices=ANY, required=False
    )
    known = forms.ChoiceField(label=gettext_lazy("Has written before"), choices=ANY, required=False)
    open = forms.ChoiceField(label=gettext_lazy("Within hours"), choices=ANY, required=False)
    segment = forms.ModelChoiceField(
        Segment.objects.all(), label=gettext_lazy("Segment of buyers"), required=False,
        empty_label=gettext_lazy("any"),
        help_text=gettext_lazy("Only those whose card is in it: they have written before."),
    )  # fmt: skip
    cap = forms.IntegerField(
        label=gettext_lazy("Times a day for one visitor"), min_value=1, max_value=20, initial=1
    )

    def clean(self) -> dict[str, Any]:
        found = super().clean() or {}
        if found.get("name") and not (found.get("text_ru") or found.get("text_en")):
            self.add_error("text_ru", _("Give the text in Russian, English, or both."))
        return found

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        when: dict[str, Any] = {
            name: str(data[name]) if name == "cart_from" else data[name]
            for name in ("page", "seconds", "cart_from")
            if data.get(name)
        }
        if data["segment"]:
            when["segment"] = data["segment"].pk
        when |= {name: data[name] == "yes" for name in _YES_NO if data.get(name)}
        text = {lang: data[f"text_{lang}"] for lang in ("ru", "en") if data[f"text_{lang}"]}
        return {
            "name": data["name"], "is_on": data["is_on"], "cap": data["cap"],
            "when": when, "text": text,
        }  # fmt: skip


def _initial(one: Greeting) -> dict[str, Any]:
    when = dict(one.when)
    for name in _YES_NO:
        if name in when:
            when[name] = "yes" if when[name] else "no"
    return {
        **when, "name": one.name, "is_on": one.is_on, "cap": one.cap,
        "text_ru": one.text.get("ru", ""), "text_en": one.text.get("en", ""),
    }  # fmt: skip


@merchant_site.page("greetings/", name="greetings")
def greetings_page(request: HttpRequest) -> HttpResponse:
    if not request.user.has_perm("bots.change_greeting"):
        raise PermissionDenied
    data = posted(request)
    every = list(Greeting.objects.all())
    rows = [(g, GreetingForm(data, prefix=f"g{g.pk}", initial=_initial(g))) for g in every]
    new = GreetingForm(data, prefix="new", initial={"cap": 1})
    forms_of_all = [*(form for _one, form in rows), new]
    if request.method == "POST" and not any(not form.is_valid() for form in forms_of_all):
        for one, form in rows:
            values = form.values()
            if not values["name"]:
                one.delete()
                continue
            for name, value in values.items():
                setattr(one, name, value)
            one.save()
        if (values := new.values())["name"]:
            Greeting.objects.create(position=len(every), **values)
        return settled(request, "merchant:greetings", "greetings.changed", "greetings")
    shows = Channel.objects.filter(kind="web", settings__visitors=True).exists()
    return TemplateResponse(
        request,
        "desk/greetings.html",
        merchant_site.context(request, _("Greetings"), rows=rows, new=new, shows=shows),
    )


merchant_menu.add(
    Entry("settings", 31, gettext_lazy("Greetings"), "waving_hand", "greetings",
          may("bots.change_greeting")),
)  # fmt: skip
