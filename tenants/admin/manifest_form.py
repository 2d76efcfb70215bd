"""Forms made from a manifest's settings: channels, model accounts, connections alike.

A stored secret is never shown again, only its last characters; an empty field keeps it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext as _

from tenants.kernel.secrets import hint

PREFIX = "s_"


def form_fields(
    settings: Iterable[Any],
    *,
    values: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> dict[str, forms.Field]:
    """Form fields by name (`s_<name>`), filled with what is stored."""
    values, secrets = values or {}, secrets or {}
    return {
        PREFIX + field.name: _form_field(
            field, values.get(field.name, field.default), secrets.get(field.name, "")
        )
        for field in settings
    }


def _form_field(field: Any, value: Any, secret: str) -> forms.Field:
    common: dict[str, Any] = {
        "label": field.title,
        "help_text": field.help,
        "required": field.is_required,
        "initial": value,
    }
    match field.kind:
        case "secret":
            if secret:
                kept = _("Stored: %(hint)s. Leave empty to keep it.") % {"hint": hint(secret)}
                common |= {"required": False, "help_text": f"{field.help} {kept}".strip()}
            attrs = {"autocomplete": "off", "spellcheck": "false"}
            return forms.CharField(
                **common | {"initial": ""}, max_length=4000, widget=forms.TextInput(attrs)
            )
        case "block":
            return forms.CharField(**common, widget=forms.Textarea({"rows": 5}))
        case "url":
            return forms.URLField(**common, assume_scheme="https")
        case "number":
            return forms.FloatField(**common)
        case "bool":
            return forms.BooleanField(**common | {"required": False})
        case "choice":
            choices = list(field.choices)
            if not field.is_required and all(key for key, _title in choices):
                choices = [("", "—"), *choices]
            return forms.ChoiceField(**common, choices=choices)
        case _:
            return forms.CharField(**common, max_length=1000)


def split(
    settings: Iterable[Any], cleaned: Mapping[str, Any], *, kept: Mapping[str, str] | None = None
) -> tuple[dict[str, Any], dict[str, str]]:
    """Cleaned form data → (settings, secrets); an empty secret keeps the stored one."""
    values: dict[str, Any] = {}
    secrets: dict[str, str] = dict(kept or {})
    for field in settings:
        value = cleaned.get(PREFIX + field.name)
        if field.kind == "secret":
            if value:
                secrets[field.name] = str(value).strip()
        else:
            values[field.name] = value if value is not None else ""
    return values, secrets
