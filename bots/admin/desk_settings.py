"""How the desk works: languages and voice notes on one page, ratings on another, their list."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.contrib.filters.admin import (
    ChoicesDropdownFilter,
    RangeDateTimeFilter,
    RelatedDropdownFilter,
)
from unfold.decorators import display

from bots.models import Bot, Rating
from bots.selectors.policy import of_visible
from bots.selectors.ratings import ratings_summed
from bots.services.bots import config_of
from bots.services.desk_settings import setting, setting_save
from bots.services.languages import LANGUAGES
from bots.services.model_calls import model_gateway
from bots.services.transcribe import providers, speech_account, speech_save
from tenants.admin import manifest_form
from tenants.admin.base import Empty, ReadOnly, settled, when
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.posted import posted
from tenants.selectors.requests import actor_of

_MAY = "bots.change_bot"


def _check(request: HttpRequest) -> None:
    if not request.user.has_perm(_MAY):
        raise PermissionDenied


# ── Languages and voice notes ────────────────────────────────────────────────────────────────
class TranslationForm(forms.Form):
    on = forms.BooleanField(
        label=gettext_lazy("Translate what buyers write in other languages"),
        required=False,
        help_text=gettext_lazy(
            "In the background, beside the original. Each message costs one call of your model."
        ),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("What the desk reads"),
        required=False,
        choices=[
            ("", gettext_lazy("the shop's language")),
            *((code, name) for code, (name, _told) in LANGUAGES.items()),
        ],
        help_text=gettext_lazy("A colleague with a language of their own reads theirs."),
    )


def _speech_form(chosen: str, data: Any = None) -> forms.Form:
    manifest = providers()[chosen]
    stored = setting("speech")
    _manifest, account = speech_account()
    is_same = stored["provider"] == chosen
    fields = manifest_form.form_fields(
        manifest.settings,
        values=account.settings if is_same else None,
        secrets={n: account.settings.get(n, "") for n in manifest.secrets()} if is_same else None,
    )
    return type("SpeechForm", (forms.Form,), fields)(data)


@merchant_site.page("languages/", name="languages")
def languages_page(request: HttpRequest) -> HttpResponse:
    """Two forms: `what` of the POST says which one was sent."""
    _check(request)
    what = request.POST.get("what", "")
    asked = request.POST.get("provider") or request.GET.get("provider")
    chosen = asked if asked in providers() else setting("speech")["provider"]
    translation = TranslationForm(
        posted(request) if what == "translation" else None, initial=setting("translation")
    )
    speech = _speech_form(chosen, posted(request) if what == "speech" else None)
    if what == "translation" and translation.is_valid():
        setting_save("translation", translation.cleaned_data)
        return _saved(request, "translation.changed")
    if what == "speech" and speech.is_valid():
        plain, secrets = manifest_form.split(providers()[chosen].settings, speech.cleaned_data)
        values = {k: str(v) for k, v in {**plain, **secrets}.items() if v not in (None, "")}
        speech_save(chosen, values)
        return _saved(request, "speech.changed")
    bot = Bot.objects.select_related("published").first()
    return TemplateResponse(
        request,
        "desk/languages.html",
        merchant_site.context(
            request, _("Languages and voice"), translation=translation, speech=speech,
            chosen=chosen, providers=providers().values(), manifest=providers()[chosen],
            no_model=model_gateway(config_of(bot)).why_not() if bot else "",
        ),
    )  # fmt: skip


def _saved(request: HttpRequest, what: str, page: str = "languages") -> HttpResponse:
    return settled(request, f"merchant:{page}", what)


# ── Ratings ──────────────────────────────────────────────────────────────────────────────────
class RatingForm(forms.Form):
    on = forms.BooleanField(
        label=gettext_lazy("Ask buyers what it was like"),
        required=False,
        help_text=gettext_lazy("One question with buttons, in the same chat, after it is closed."),
    )
    scale = forms.ChoiceField(
        label=gettext_lazy("Buttons"),
        choices=[("five", gettext_lazy("one to five stars")), ("two", gettext_lazy("good or bad"))],
    )
    delay_s = forms.IntegerField(
        label=gettext_lazy("Seconds after the chat is closed"), min_value=0, max_value=86_400
    )
    percent = forms.IntegerField(
        label=gettext_lazy("Of how many chats, %"), min_value=1, max_value=100
    )
    pause_days = forms.IntegerField(
        label=gettext_lazy("The same person not more often than once in so many days"),
        min_value=0,
        max_value=365,
    )
    expires_h = forms.IntegerField(
        label=gettext_lazy("Hours to answer"), min_value=1, max_value=720
    )
    about_bot = forms.BooleanField(
        label=gettext_lazy("After chats the assistant ended"), required=False
    )
    about_agent = forms.BooleanField(label=gettext_lazy("After chats people ended"), required=False)
    comment = forms.BooleanField(label=gettext_lazy("Offer to add a few words"), required=False)


@merchant_site.page("rating/", name="rating_settings")
def rating_page(request: HttpRequest) -> HttpResponse:
    _check(request)
    form = RatingForm(posted(request), initial=setting("rating"))
    if request.method == "POST" and form.is_valid():
        setting_save("rating", form.cleaned_data)
        return _saved(request, "rating.changed", "rating_settings")
    return TemplateResponse(
        request,
        "desk/rating.html",
        merchant_site.context(
            request, _("Asking for ratings"), form=form,
            summed=ratings_summed(Rating.objects.all()),
        ),
    )  # fmt: skip


@admin.register(Rating, site=merchant_site)
class RatingAdmin(ReadOnly):
    asked = when("asked_at", gettext_lazy("Asked"))
    rated = when("rated_at", gettext_lazy("Answered"))
    list_display = ("stars", "about_label", "agent", "buyer", "words", "rated", "asked")
    list_filter = (
        ("about", ChoicesDropdownFilter),
        ("agent", RelatedDropdownFilter),
        "score",
        ("asked_at", RangeDateTimeFilter),
    )
    search_fields = ("comment", "conversation__contact__name")
    search_help_text = gettext_lazy("Words of the comment or the buyer's name")
    ordering = ("-asked_at", "-pk")
    list_select_related = ("agent", "conversation__contact")
    list_display_links = None
    actions = None
    empty = Empty(
        gettext_lazy("No ratings yet"),
        gettext_lazy(
            "After a chat the buyer gets one question with buttons in the same channel. What they "
            "think of the assistant and of people is counted apart."
        ),
        gettext_lazy("Set it up"),
        url="/admin/rating/",
        icon="star",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Rating]:
        return of_visible(actor_of(request), super().get_queryset(request))

    @display(description=gettext_lazy("Score"), ordering="score")
    def stars(self, rating: Rating) -> str:
        if rating.score is None:
            return _("no answer")
        return format_html(
            '<span aria-label="{}">{}</span>',
            _("%s of 5") % rating.score,
            "★" * rating.score + "☆" * (5 - rating.score),
        )

    @display(
        description=gettext_lazy("About whom"), ordering="about",
        label={"bot": "info", "agent": "success"},
    )  # fmt: skip
    def about_label(self, rating: Rating) -> tuple[str, str]:
        return rating.about, rating.get_about_display()

    @display(description=gettext_lazy("Buyer"))
    def buyer(self, rating: Rating) -> str:
        name = rating.conversation.contact.name or f"#{rating.conversation_id}"
        return format_html('<a href="/console/#/c/{}">{}</a>', rating.conversation_id, name)

    @display(description=gettext_lazy("Comment"))
    def words(self, rating: Rating) -> str:
        return rating.comment[:140]


merchant_menu.add(
    Entry("assistant", 50, gettext_lazy("Ratings"), "star", "bots_rating_changelist",
          may("bots.view_rating")),
    Entry("settings", 30, gettext_lazy("Asking for ratings"), "reviews", "rating_settings",
          may(_MAY)),
    Entry("settings", 31, gettext_lazy("Languages and voice"), "translate", "languages",
          may(_MAY)),
)  # fmt: skip
