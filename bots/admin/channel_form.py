"""A channel's form: what its manifest asks for, how the bot behaves there, how it is reached."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings as django_settings
from django.utils.translation import gettext as _

from bots.channels.base import ChannelManifest
from bots.models import Bot, Channel
from bots.selectors.conduct import FIELDS, KEY, Answers, conduct_kept
from tenants.admin import manifest_form

# In the order of the page; what the manifest asks for stands before them.
REACH = ("base_url", "proxy", "ca_bundle")


class ChannelForm(forms.Form):
    """Made for a kind by `channel_form`; fields by name."""

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        begins, ends = cleaned.get("quiet_from"), cleaned.get("quiet_to")
        if bool(begins) != bool(ends):
            missing = "quiet_to" if begins else "quiet_from"
            self.add_error(missing, _("Quiet hours need a beginning and an end."))
        elif begins and begins == ends:
            self.add_error("quiet_to", _("Quiet hours that begin when they end have no length."))
        return cleaned

    def conduct(self) -> dict[str, str]:
        """What to keep of the bot's behaviour; only what differs from the default."""
        return conduct_kept(self.cleaned_data)

    @property
    def sections(self) -> list[tuple[str, list[forms.BoundField]]]:
        """(a title, its fields); the first has none."""
        rest = [name for name in self.fields if name not in (*FIELDS, *REACH)]
        titled = (("", rest), (_("How the bot behaves here"), FIELDS), (_("Network"), REACH))
        return [
            (title, [self[name] for name in names if name in self.fields])
            for title, names in titled
            if any(name in self.fields for name in names)
        ]


def channel_form(
    manifest: ChannelManifest, channel: Channel | None, data: Any = None
) -> ChannelForm:
    """A form from the channel's manifest, with the name and the bot that answers."""
    bots = Bot.objects.order_by("pk")
    fields: dict[str, forms.Field] = {
        "name": forms.CharField(
            label=_("Name"),
            max_length=80,
            initial=channel.name if channel else str(manifest.title),
            help_text=_("For you and your colleagues; buyers do not see it."),
        )
    }
    if bots.count() > 1:
        fields["bot"] = forms.ModelChoiceField(
            label=_("Bot"),
            queryset=bots,
            initial=channel.bot_id if channel else None,
            empty_label=None,
        )
    fields |= manifest_form.form_fields(
        manifest.settings,
        values=channel.settings if channel else None,
        secrets=channel.secrets if channel else None,
    )
    fields |= _conduct((channel.settings.get(KEY) if channel else None) or {})
    if manifest.key != "web":
        fields |= _reach(manifest, channel)
    made = type("ChannelForm", (ChannelForm,), fields)
    form: ChannelForm = made(data)
    return form


def _conduct(kept: Mapping[str, str]) -> dict[str, forms.Field]:
    clock = forms.TimeInput(attrs={"type": "time"}, format="%H:%M")
    return {
        "answers": forms.ChoiceField(
            label=_("The bot answers"),
            choices=Answers.choices,
            required=False,
            initial=kept.get("answers", Answers.EVERYONE),
            help_text=_("Whom it does not answer waits for a person."),
        ),
        "greeting_ru": forms.CharField(
            label=_("First greeting, in Russian"),
            required=False,
            max_length=500,
            initial=kept.get("greeting_ru", ""),
            widget=forms.Textarea({"rows": 2}),
            help_text=_("Before the first answer a buyer ever gets here. Empty: the bot's own."),
        ),
        "greeting_en": forms.CharField(
            label=_("First greeting, in English"),
            required=False,
            max_length=500,
            initial=kept.get("greeting_en", ""),
            widget=forms.Textarea({"rows": 2}),
        ),
        "quiet_from": forms.TimeField(
            label=_("Quiet hours from"),
            required=False,
            initial=kept.get("quiet_from", ""),
            widget=clock,
            help_text=_(
                "By the shop's clock. The shop begins nothing by itself then (rules, ratings, "
                "broadcasts); whoever writes is answered."
            ),
        ),
        "quiet_to": forms.TimeField(
            label=_("Quiet hours to"),
            required=False,
            initial=kept.get("quiet_to", ""),
            widget=clock,
        ),
    }


def _reach(manifest: ChannelManifest, channel: Channel | None) -> dict[str, forms.Field]:
    fields: dict[str, forms.Field] = {}
    if django_settings.ALLOW_PRIVATE_ADDRESSES:
        fields["base_url"] = forms.URLField(
            label=_("Address of the service"),
            required=False,
            assume_scheme="https",
            initial=channel.base_url if channel else "",
            help_text=_("Empty: the service's own. For tests and relays."),
        )
    fields["proxy"] = forms.CharField(
        label=_("Proxy"),
        required=False,
        max_length=300,
        initial=channel.proxy if channel else "",
        help_text=_(
            "Where the service cannot be reached directly, for example socks5://host:1080."
        ),
    )
    if not any(field.name == "ca_pem" for field in manifest.settings):
        fields["ca_bundle"] = forms.CharField(
            label=_("Certificates to trust (PEM)"),
            required=False,
            max_length=20_000,
            initial=channel.settings.get("ca_bundle", "") if channel else "",
            widget=forms.Textarea({"rows": 3, "spellcheck": "false"}),
            help_text=_("Beside the usual ones, for this channel alone: a company's own proxy."),
        )
    return fields
