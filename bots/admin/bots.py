"""The bot: persona and rules being edited, and the versions that answer buyers."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelectWidget,
)

from bots.llm.base import DataRegion
from bots.llm.manifests import manifests
from bots.models import Bot, BotVersion, ModelAccount
from bots.services.bots import FIELDS, bot_publish, bot_roll_back, config_of
from bots.services.model_calls import partner_providers
from tenants.admin.base import ModelAdmin, row_action
from tenants.admin.menu import Entry, may, merchant_menu
from tenants.admin.sites import merchant_site
from tenants.kernel.text import whole
from tenants.selectors.requests import actor_of
from tenants.services.audit import audit

# Topics a merchant may keep for people; the engine knows them by these keys.
TOPICS = (
    ("complaint", gettext_lazy("Complaints and claims")),
    ("refund", gettext_lazy("Refunds and money back")),
    ("wholesale", gettext_lazy("Wholesale and companies")),
    ("order_change", gettext_lazy("Changing or cancelling an order")),
    ("legal", gettext_lazy("Law, courts, consumer rights")),
    ("health", gettext_lazy("Health and safety of a product")),
)
MODELS_KEPT = 3


class BotForm(forms.ModelForm):
    """`providers` is edited as up to three choices in the order they are asked."""

    handover_topics = forms.MultipleChoiceField(
        label=gettext_lazy("Topics for a person"),
        choices=TOPICS,
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text=gettext_lazy("The bot does not answer these: it calls a colleague."),
    )
    language = forms.ChoiceField(
        label=gettext_lazy("Main language"),
        choices=[("ru", "Русский"), ("en", "English")],
        widget=UnfoldAdminSelectWidget,
        help_text=gettext_lazy("Buyers who write in the other language are answered in theirs."),
    )

    class Meta:
        model = Bot
        fields = (
            *("name", "greeting", "tone", "rules", "language", "is_active"),
            *("handover_topics", "deadline_s", "foreign_models"),
        )
        labels = {"name": gettext_lazy("Bot's name")}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen = [_key_of(entry) for entry in (self.instance.providers or [])]
        choices = [("", _("none")), *model_choices()]
        for number in range(MODELS_KEPT):
            name = f"model_{number + 1}"
            self.fields[name] = forms.ChoiceField(
                label=(_("First asked"), _("If it fails"), _("Asked last"))[number],
                choices=choices,
                required=False,
                initial=chosen[number] if number < len(chosen) else "",
                widget=UnfoldAdminSelectWidget,
            )
        if "deadline_s" in self.fields:
            self.fields["deadline_s"].help_text = _(
                "After that the buyer gets a template or a person, never silence. 5 to 60."
            )

    def clean_deadline_s(self) -> int:
        value = int(self.cleaned_data["deadline_s"])
        if not 5 <= value <= 60:
            raise forms.ValidationError(_("From 5 to 60 seconds."))
        return value

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        chosen = (cleaned.get(f"model_{n + 1}") for n in range(MODELS_KEPT))
        keys: list[str] = list(dict.fromkeys(key for key in chosen if key))
        before = {_key_of(entry): entry for entry in (self.instance.providers or [])}
        self.instance.providers = [before.get(key) or _entry_of(key) for key in keys]
        if not cleaned.get("foreign_models"):
            abroad = [title for key, title, region in _known_models() if key in keys
                      and region == DataRegion.FOREIGN]  # fmt: skip
            if abroad:
                self.add_error(
                    "foreign_models",
                    _("%(names)s is outside the country: switch this on, or choose another model.")
                    % {"names": ", ".join(map(str, abroad))},
                )
        return cleaned


def _key_of(entry: Any) -> str:
    if isinstance(entry, dict):
        return f"account:{entry['account']}" if entry.get("account") else str(entry["provider"])
    return str(entry)


def _entry_of(key: str) -> dict[str, Any]:
    if key.startswith("account:"):
        return {"account": int(key.removeprefix("account:"))}
    return {"provider": key}


def _known_models() -> list[tuple[str, Any, DataRegion]]:
    """(key, title, where data goes) of the merchant's own accounts and its partner's keys."""
    found = []
    for account in ModelAccount.objects.all():
        if manifest := manifests().get(account.provider):
            title = f"{manifest.title} · {account}" if account.name else str(manifest.title)
            found.append((f"account:{account.pk}", title, manifest.data_region))
    for provider in partner_providers():
        if manifest := manifests().get(provider):
            lent = _("%(model)s · your partner's key") % {"model": manifest.title}
            found.append((provider, lent, manifest.data_region))
    return found


def model_choices() -> list[tuple[str, Any]]:
    where = {
        DataRegion.RU: _("data stays in Russia"),
        DataRegion.FOREIGN: _("data goes abroad"),
        DataRegion.OWN: _("your own server"),
    }
    return [(key, f"{title} ({where[region]})") for key, title, region in _known_models()]


TITLES = {
    "name": gettext_lazy("Bot's name"),
    "greeting": gettext_lazy("Greeting"),
    "tone": gettext_lazy("How it speaks"),
    "rules": gettext_lazy("What it must and must not do"),
    "language": gettext_lazy("Main language"),
    "providers": gettext_lazy("Models"),
    "foreign_models": gettext_lazy("Foreign models allowed"),
    "handover_topics": gettext_lazy("Topics for a person"),
    "skills": gettext_lazy("Skills"),
    "deadline_s": gettext_lazy("Seconds to answer"),
}


def in_words(name: str, value: Any) -> str:
    """A setting's value as people read it."""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if name == "handover_topics":
        titles = dict(TOPICS)
        return ", ".join(str(titles.get(key, key)) for key in value or []) or "–"
    if name == "providers":
        models = {key: str(title) for key, title, _region in _known_models()}
        keys = [_key_of(entry) for entry in value or []]
        return " → ".join(models.get(key, key) for key in keys) or _("built-in answers, no model")
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "–"
    return str(value) if value not in (None, "") else "–"


def difference(old: dict[str, Any], new: dict[str, Any]) -> list[dict[str, Any]]:
    """What publishing would change: title, before, after."""
    return [
        {
            "title": TITLES[name],
            "before": in_words(name, old.get(name)),
            "after": in_words(name, new.get(name)),
        }
        for name in FIELDS
        if old.get(name) != new.get(name)
    ]


class RollBackForm(BaseDialogForm):
    version = forms.ModelChoiceField(
        label=gettext_lazy("Version"),
        queryset=BotVersion.objects.none(),
        widget=UnfoldAdminRadioSelectWidget,
        empty_label=None,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        bot = Bot.objects.filter(pk=whole(str(self.object_id)) or 0).first()
        if bot is not None:
            field = self.fields["version"]
            newest = bot.published.number if bot.published else 0
            recent = bot.versions.filter(number__gt=newest - 20)
            field.queryset = recent.exclude(number=newest).order_by("-number")
            field.label_from_instance = lambda version: (
                _("Version %(n)s of %(day)s, %(by)s")
                % {
                    "n": version.number,
                    "day": date_format(localtime(version.created_at), "j E, H:i"),
                    "by": version.published_by or "–",
                }
            )

    def clean_version(self) -> BotVersion:
        version: BotVersion = self.cleaned_data["version"]
        return version


@admin.register(Bot, site=merchant_site)
class BotAdmin(ModelAdmin):
    form = BotForm
    list_display = ("name", "state", "published_label", "language")
    actions = None
    actions_detail = ("publish", "roll_back")
    change_form_before_template = "desk/bot_state.html"
    add_label = gettext_lazy("Add a bot")

    def get_fieldsets(self, request: HttpRequest, obj: Bot | None = None) -> Any:
        return [
            (None, {"fields": ["name", "greeting", "language", "is_active"]}),
            (_("How it answers"), {"fields": ["tone", "rules", "handover_topics", "deadline_s"]}),
            (
                _("Language models"),
                {
                    "fields": ["model_1", "model_2", "model_3", "foreign_models"],
                    "description": format_html(
                        '{} <a href="{}">{}</a>',
                        _(
                            "Without a model the bot answers by itself from your articles, goods "
                            "and orders. With one, the same facts go to the model, and every "
                            "number in its answer is checked against them."
                        ),
                        reverse("merchant:bots_modelaccount_changelist"),
                        _("Keys of models"),
                    ),
                },
            ),
        ]

    def get_form(self, request: HttpRequest, obj: Bot | None = None, **kwargs: Any) -> Any:
        # Fields made in __init__ are unknown to the form's class.
        kwargs["fields"] = [*BotForm.Meta.fields]
        return super().get_form(request, obj, **kwargs)

    @display(description=gettext_lazy("State"), label={True: "success", False: "warning"})
    def state(self, bot: Bot) -> tuple[bool, str]:
        return bot.is_active, _("answers buyers") if bot.is_active else _("silent: people answer")

    @display(description=gettext_lazy("Answers with"))
    def published_label(self, bot: Bot) -> str:
        if bot.published is None:
            return _("not published yet")
        text = _("version %(n)s") % {"n": bot.published.number}
        if difference(bot.published.config, config_of(bot, draft=True)):
            text += ", " + _("changes are not published")
        return text

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        more: dict[str, Any] = {}
        bot = self.get_object(request, object_id) if object_id else None
        if bot is not None:
            config = bot.published.config if bot.published else {}
            more = {
                "bot": bot,
                "changes": difference(config, config_of(bot, draft=True)),
                "versions": bot.versions.order_by("-number")[:6],
            }
        return super().changeform_view(
            request, object_id, form_url, {**more, **(extra_context or {})}
        )

    def save_model(self, request: HttpRequest, obj: Bot, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not change:
            bot_publish(bot=obj, by=actor_of(request).email)

    def response_change(self, request: HttpRequest, obj: Bot) -> HttpResponse:
        response = super().response_change(request, obj)
        published = obj.published.config if obj.published else {}
        if difference(published, config_of(obj, draft=True)):
            messages.info(
                request,
                _("Buyers do not see the changes yet: try them in the preview, then publish."),
            )
            url = reverse("merchant:bots_bot_change", args=[obj.pk])
            response["Location"] = url
        return response

    def has_delete_permission(self, request: HttpRequest, obj: Bot | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (
            obj is not None and not obj.channels.exists()
        )

    @row_action(
        gettext_lazy("Publish"),
        icon="publish",
        ask=gettext_lazy("Publish the changes?"),
        text=gettext_lazy(
            "From the next message on, buyers are answered with them. You can go back to any "
            "earlier version."
        ),
    )
    def publish(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        bot = self.get_object(request, str(object_id))
        version = bot_publish(bot=bot, by=actor_of(request).email)
        audit("bot.published", str(bot), actor=actor_of(request), version=version.number)
        messages.success(request, _("Version %(n)s answers buyers now.") % {"n": version.number})
        return self.back_to(object_id)

    @row_action(
        gettext_lazy("Earlier versions"),
        icon="settings_backup_restore",
        ask=gettext_lazy("Go back to an earlier version"),
        text=gettext_lazy(
            "Its settings replace what is being edited and answer buyers at once, as a new "
            "version. Nothing is lost: the present one stays in the list."
        ),
        button=gettext_lazy("Go back"),
        form=RollBackForm,
        needs="publish",
    )
    def roll_back(self, request: HttpRequest, form: Any, object_id: int) -> HttpResponse:
        bot = self.get_object(request, str(object_id))
        old = form.cleaned_data["version"]
        version = bot_roll_back(bot=bot, version=old, by=actor_of(request).email)
        audit("bot.rolled_back", str(bot), actor=actor_of(request), to=old.number,
              version=version.number)  # fmt: skip
        messages.success(
            request,
            _("Settings of version %(old)s answer buyers now, as version %(n)s.")
            % {"old": old.number, "n": version.number},
        )
        return self.back_to(object_id)

    def has_publish_permission(self, request: HttpRequest, object_id: Any = None) -> bool:
        is_here = object_id is None or self.get_object(request, str(object_id)) is not None
        return is_here and request.user.has_perm("bots.change_bot")


merchant_menu.add(
    Entry("assistant", 10, gettext_lazy("Bot"), "smart_toy", "bots_bot_changelist",
          may("bots.view_bot")),
)  # fmt: skip
