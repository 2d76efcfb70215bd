"""Prepared replies: the text in each language, what triggers it, the variables at hand."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.contrib.filters.admin import AllValuesCheckboxFilter
from unfold.decorators import display

from bots.models import OpeningHours, Template, TemplateText
from bots.services.template_intents import INTENTS
from bots.services.template_samples import SAMPLES
from bots.services.template_text import VARIABLES, BrokenTemplate, template_parse, text_render
from bots.services.template_values import shop_values
from bots.services.templates import template_save
from tenants.admin.base import Empty, OwnPage, settled, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.posted import posted

LANGUAGES = (("ru", "Русский"), ("en", "English"))
INTENT_TITLES = {
    "greeting": gettext_lazy("a greeting"),
    "thanks": gettext_lazy("thanks"),
    "goodbye": gettext_lazy("a goodbye"),
    "delivery": gettext_lazy("about delivery"),
    "payment": gettext_lazy("about payment"),
    "returns": gettext_lazy("about returns"),
    "hours": gettext_lazy("opening hours"),
    "address": gettext_lazy("the shop's address"),
    "warranty": gettext_lazy("warranty"),
    "discount": gettext_lazy("discounts and promo codes"),
    "wholesale": gettext_lazy("wholesale"),
    "contacts": gettext_lazy("contact details"),
}


class TemplateForm(forms.Form):
    """Both languages side by side; lists are written a line each."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    code = forms.SlugField(
        label=gettext_lazy("Short code"),
        max_length=40,
        allow_unicode=True,
        help_text=gettext_lazy("Colleagues find it in the console by typing /code."),
    )
    category = forms.CharField(label=gettext_lazy("Category"), max_length=60, required=False)
    text_ru = forms.CharField(
        label=gettext_lazy("Text in Russian"), required=False, widget=forms.Textarea({"rows": 5})
    )
    text_en = forms.CharField(
        label=gettext_lazy("Text in English"), required=False, widget=forms.Textarea({"rows": 5})
    )
    phrases = forms.CharField(
        label=gettext_lazy("The bot uses it when a buyer writes"),
        required=False,
        widget=forms.Textarea({"rows": 4}),
        help_text=gettext_lazy(
            "A phrase a line, in any form of the words. Empty: only colleagues use it."
        ),
    )
    intents = forms.MultipleChoiceField(
        label=gettext_lazy("or means"),
        required=False,
        choices=[(key, INTENT_TITLES.get(key, key)) for key in INTENTS],
        widget=forms.CheckboxSelectMultiple,
    )
    buttons = forms.CharField(
        label=gettext_lazy("Buttons under it"),
        required=False,
        widget=forms.Textarea({"rows": 3}),
        help_text=gettext_lazy("A title a line; with an address after it the button is a link."),
    )
    date_from = forms.DateField(
        label=gettext_lazy("From"), required=False, widget=forms.DateInput({"type": "date"})
    )
    date_to = forms.DateField(
        label=gettext_lazy("To"), required=False, widget=forms.DateInput({"type": "date"})
    )
    weekdays = forms.MultipleChoiceField(
        label=gettext_lazy("On these days"),
        required=False,
        choices=[(str(day), title) for day, title in OpeningHours.WEEKDAYS],
        widget=forms.CheckboxSelectMultiple,
    )
    only = forms.ChoiceField(
        label=gettext_lazy("At what time"),
        required=False,
        choices=[
            ("", gettext_lazy("always")),
            ("open", gettext_lazy("while people answer")),
            ("closed", gettext_lazy("while people are away")),
        ],
    )
    is_active = forms.BooleanField(label=gettext_lazy("In use"), required=False, initial=True)

    def data_of(self) -> dict[str, Any]:
        """What `template_save` takes."""
        given = self.cleaned_data
        schedule: dict[str, Any] = {
            "from": given["date_from"] and given["date_from"].isoformat(),
            "to": given["date_to"] and given["date_to"].isoformat(),
            "weekdays": [int(day) for day in given["weekdays"]],
            "only": given["only"],
        }
        return {
            **{name: given[name] for name in ("name", "code", "category", "intents", "is_active")},
            "texts": {lang: given[f"text_{lang}"] for lang, _title in LANGUAGES},
            "phrases": given["phrases"].splitlines(),
            "buttons": [
                button_read(line) for line in given["buttons"].splitlines() if line.strip()
            ],
            "schedule": {key: value for key, value in schedule.items() if value},
        }

    def refuse(self, error: ValidationError) -> None:
        """Put the service's faults beside the fields they are about."""
        for name, faults in error.message_dict.items():
            for fault in faults:
                lang, _colon, rest = fault.partition(": ")
                if name == "texts" and f"text_{lang}" in self.fields:
                    self.add_error(f"text_{lang}", rest)
                elif name == "texts":
                    self.add_error("text_ru", fault)
                elif name == "schedule":
                    self.add_error("date_from", fault)
                else:
                    self.add_error(name if name in self.fields else None, fault)


def button_read(line: str) -> dict[str, str]:
    """A title, or a title and the address after it."""
    title, _space, last = line.strip().rpartition(" ")
    if title and last.startswith(("https://", "http://")):
        return {"title": title, "url": last}
    return {"title": line.strip()}


def initial_of(template: Template) -> dict[str, Any]:
    texts = {text.lang: text.text for text in template.texts.all()}
    schedule = template.schedule or {}
    return {
        **{n: getattr(template, n) for n in ("name", "code", "category", "intents", "is_active")},
        **{f"text_{lang}": texts.get(lang, "") for lang, _title in LANGUAGES},
        "phrases": "\n".join(template.phrases or []),
        "buttons": "\n".join(
            " ".join(filter(None, [b.get("title", ""), b.get("url", "")]))
            for b in template.buttons or []
        ),
        "date_from": schedule.get("from"),
        "date_to": schedule.get("to"),
        "weekdays": [str(day) for day in schedule.get("weekdays", [])],
        "only": schedule.get("only", ""),
    }


@admin.register(Template, site=merchant_site)
class TemplateAdmin(OwnPage):
    last_used = when("used_at", gettext_lazy("Last used"))
    list_display = ("title", "category", "languages", "trigger", "state", "used", "last_used")
    list_filter = (("category", AllValuesCheckboxFilter), "is_active")
    search_fields = ("name", "code", "texts__text")
    ordering = ("category", "name")
    add_label = gettext_lazy("Write a template")
    empty = Empty(
        gettext_lazy("No templates yet"),
        gettext_lazy(
            "A template is a reply written once: the bot sends it for the phrases you name, "
            "colleagues find it by its code."
        ),
        gettext_lazy("Write a template"),
        icon="quickreply",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Template]:
        return super().get_queryset(request).prefetch_related("texts")

    def get_urls(self) -> list[URLPattern]:
        wrap = self.admin_site.admin_view
        return [
            path("preview/", wrap(require_POST(self.preview_view)), name="template_preview"),
            *super().get_urls(),
        ]

    @display(description=gettext_lazy("Template"), header=True, ordering="name")
    def title(self, template: Template) -> list[str]:
        return [template.name, f"/{template.code}"]

    @display(description=gettext_lazy("Languages"))
    def languages(self, template: Template) -> str:
        return ", ".join(sorted(text.lang.upper() for text in template.texts.all())) or "–"

    @display(description=gettext_lazy("Used by"))
    def trigger(self, template: Template) -> str:
        return _("bot and people") if template.phrases or template.intents else _("people")

    @display(description=gettext_lazy("State"), label={True: "success", False: "warning"})
    def state(self, template: Template) -> tuple[bool, str]:
        return template.is_active, _("in use") if template.is_active else _("switched off")

    def edit(self, request: HttpRequest, template: Template | None) -> HttpResponse:
        form = TemplateForm(posted(request), initial=initial_of(template) if template else None)
        if request.method == "POST" and form.is_valid():
            try:
                saved = template_save(form.data_of(), template=template)
            except ValidationError as error:
                form.refuse(error)
            else:
                return settled(
                    request,
                    "merchant:bots_template_changelist",
                    "template.changed" if template else "template.added",
                    str(saved),
                    _("“%(name)s” is saved.") % {"name": saved.name},
                )
        return TemplateResponse(
            request,
            "desk/template.html",
            self.admin_site.context(
                request,
                template.name if template else _("New template"),
                form=form,
                template=template,
                variables=VARIABLES,
                may_change=self.has_change_permission(request, template),
                may_delete=template and self.has_delete_permission(request, template),
                opts=self.opts,
                original=template,
            ),
        )

    def preview_view(self, request: HttpRequest) -> HttpResponse:
        """`{ru, en}` → each with sample values put in, or the author's mistakes."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        answer: dict[str, Any] = {}
        for lang, _title in LANGUAGES:
            text = request.POST.get(lang, "")[:4000]
            if not text.strip():
                continue
            try:
                template_parse(text)
            except BrokenTemplate as broken:
                answer[lang] = {"faults": broken.faults}
            else:
                answer[lang] = {"text": _sample(text, lang)}
        return JsonResponse(answer)


def _sample(text: str, lang: str) -> str:
    """The text as a buyer would read it; the template is never saved."""
    unsaved = TemplateText(lang=lang, text=text)
    rendered = text_render(unsaved, {**SAMPLES[lang], **shop_values()})
    return rendered.text or rendered.draft


merchant_menu.add(
    Entry("assistant", 30, gettext_lazy("Templates"), "quickreply", "bots_template_changelist",
          may("bots.view_template")),
)  # fmt: skip
