"""What a manifest asks for, checked: plain settings and secrets apart, faults by field.

Works on any manifest's fields: they have name, title, kind, is_required, default, choices.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from django.utils.translation import gettext as _

LIMIT = 4_000
HIDDEN = "••••"


@dataclass
class Filled:
    settings: dict[str, Any] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    faults: dict[str, list[str]] = field(default_factory=dict)

    def fault(self, name: str, message: str) -> None:
        self.faults.setdefault(name, []).append(message)


def fill(
    fields: Iterable[Any],
    given: Mapping[str, Any],
    *,
    settings: Mapping[str, Any] | None = None,
    secrets: Mapping[str, str] | None = None,
) -> Filled:
    """Values to keep. `settings` and `secrets` are what is kept already: what is not given stays,
    and a secret given back as its hint ("•••• 4f2a") stays too.
    """
    known = {one.name: one for one in fields}
    filled = Filled(dict(settings or {}), dict(secrets or {}))
    for name in given:
        if name not in known:
            filled.fault(name, _("There is no such setting."))
    for name, one in known.items():
        target: dict[str, Any] = filled.secrets if one.kind == "secret" else filled.settings
        if name in given:
            value = given[name]
            if one.kind == "secret" and isinstance(value, str) and value.startswith(HIDDEN):
                continue
            cleaned = _clean(one, value, filled)
            if cleaned is not None:
                target[name] = cleaned
        elif name not in target and one.default not in ("", None):
            target[name] = one.default
        if one.is_required and target.get(name) in (None, "") and name not in filled.faults:
            filled.fault(name, _("This is needed."))
    return filled


def _clean(one: Any, value: Any, filled: Filled) -> Any:
    if one.kind == "bool":
        if not isinstance(value, bool):
            filled.fault(one.name, _("Here true or false is expected."))
            return None
        return value
    if one.kind == "number":
        if isinstance(value, bool) or not isinstance(value, int | float):
            filled.fault(one.name, _("Here a number is expected."))
            return None
        return value
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > LIMIT or "\x00" in value:
        filled.fault(one.name, _("Here a text of at most %s characters is expected.") % LIMIT)
        return None
    value = value.strip()
    if value and one.kind == "choice" and value not in {str(key) for key, _title in one.choices}:
        filled.fault(one.name, _("“%s” is not one of the choices.") % value[:40])
        return None
    if value and one.kind == "url" and not is_web_address(value):
        filled.fault(one.name, _("The address must begin with http:// or https://."))
        return None
    return value


def is_web_address(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def shown(fields: Iterable[Any], settings: Mapping[str, Any], secrets: Mapping[str, str]) -> dict:
    """Settings as a person or a program may see them: secrets as hints."""
    values: dict[str, Any] = {}
    for one in fields:
        if one.kind == "secret":
            values[one.name] = hint(secrets.get(one.name, ""))
        elif one.name in settings:
            values[one.name] = settings[one.name]
    return values


def hint(secret: str) -> str:
    """`•••• 4f2a`; short secrets show nothing of themselves."""
    if not secret:
        return ""
    return f"{HIDDEN} {secret[-4:]}" if len(secret) >= 12 else HIDDEN


def described(fields: Iterable[Any]) -> list[dict[str, Any]]:
    """Fields as a program can build a form from them, in the current language."""
    return [
        {
            "name": one.name,
            "title": str(one.title),
            "kind": one.kind,
            "help": str(one.help),
            "required": one.is_required,
            "default": one.default,
            "choices": [{"value": str(key), "title": str(title)} for key, title in one.choices],
        }
        for one in fields
    ]
