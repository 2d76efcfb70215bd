"""The merchant's own fields on buyers' cards, and segments: what may be kept, and who is told."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Max
from django.utils.translation import gettext as _

from bots.models import PersonField, Segment
from bots.selectors.segments import CONDITIONS, DAYS_AT_MOST, FIELD_OPERATORS, NUMBERS
from tenants.services.audit import audit
from tenants.workspace.models import User

FIELDS_AT_MOST, SEGMENTS_AT_MOST = 50, 50
CONDITIONS_AT_MOST, CHOICES_AT_MOST = 10, 100
_CODE = re.compile(r"[a-zA-Z0-9_-]{1,40}")


# ── Fields ───────────────────────────────────────────────────────────────────────────────────
def field_save(field: PersonField | None, *, by: User, **given: Any) -> PersonField:
    """Make or change one: name, code, kind, choices, position. Code and kind stay as they are.

    Raises ValidationError by field.
    """
    saved = field or PersonField()
    faults: dict[str, Any] = {}
    for name in ("code", "kind"):
        if field is not None and given.get(name, getattr(field, name)) != getattr(field, name):
            faults[name] = _("Code and type of a field stay as they are.")
    for name, value in given.items():
        if name not in faults:
            setattr(saved, name, value)
    saved.name = " ".join(str(saved.name or "").split())[:80]
    if not saved.name:
        faults["name"] = _("Give it a name.")
    if not _CODE.fullmatch(saved.code or ""):
        faults["code"] = _("Latin letters, figures, - and _ only.")
    elif PersonField.objects.filter(code=saved.code).exclude(pk=saved.pk).exists():
        faults["code"] = _("There is such a field already.")
    saved.choices = [one for one in map(_line, saved.choices or []) if one][:CHOICES_AT_MOST]
    if saved.kind == PersonField.Kind.CHOICE and not saved.choices:
        faults["choices"] = _("Say what can be chosen.")
    if field is None and PersonField.objects.count() >= FIELDS_AT_MOST:
        faults["name"] = _("At most %s fields.") % FIELDS_AT_MOST
    if faults:
        if field is not None:
            field.refresh_from_db()
        raise ValidationError(faults)
    with transaction.atomic():
        if field is None and "position" not in given:
            saved.position = (PersonField.objects.aggregate(last=Max("position"))["last"] or 0) + 1
        saved.save()
        audit("person_field.changed" if field else "person_field.added", saved.code, actor=by)
    return saved


def _line(text: Any) -> str:
    return " ".join(str(text).split())[:80]


def field_delete(field: PersonField, *, by: User) -> None:
    """Values of a deleted one are no longer shown."""
    with transaction.atomic():
        audit("person_field.removed", field.code, actor=by)
        field.delete()


# ── Segments ─────────────────────────────────────────────────────────────────────────────────
def conditions_fault(conditions: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with conditions, in words; empty when nothing is."""
    if not 1 <= len(conditions) <= CONDITIONS_AT_MOST:
        return _("One to ten conditions.")
    kinds = {
        f"field:{code}": kind for code, kind in PersonField.objects.values_list("code", "kind")
    }
    for one in conditions:
        name, op, value = one["field"], one["op"], one["value"]
        operators = FIELD_OPERATORS if name in kinds else CONDITIONS.get(name, ((), None))[0]
        if not operators:
            return _("There is no condition “%s”.") % name
        if op not in operators:
            return _("“%(name)s” cannot be compared by “%(op)s”.") % {"name": name, "op": op}
        is_number = name in NUMBERS or (
            kinds.get(name) == PersonField.Kind.NUMBER and op not in ("known", "unknown")
        )
        if is_number and (
            isinstance(value, bool) or not isinstance(value, int | float) or abs(value) > 10**12
        ):
            return _("“%s” is compared with a number.") % name
        if name == "last_seen_days" and not 0 <= value <= DAYS_AT_MOST:
            return _("Days are counted from 0 to %s.") % DAYS_AT_MOST
        if isinstance(value, dict | list):
            return _("Not understood.")
    return ""


def segment_save(segment: Segment | None, *, by: User, **given: Any) -> Segment:
    """Make or change one: name, conditions, position. Raises ValidationError by field."""
    saved = segment or Segment()
    for name, value in given.items():
        setattr(saved, name, value)
    saved.name = " ".join(str(saved.name or "").split())[:80]
    faults: dict[str, Any] = {}
    if not saved.name:
        faults["name"] = _("Give it a name.")
    if fault := conditions_fault(saved.conditions):
        faults["conditions"] = fault
    if segment is None and Segment.objects.count() >= SEGMENTS_AT_MOST:
        faults["name"] = _("At most %s segments.") % SEGMENTS_AT_MOST
    if faults:
        raise ValidationError(faults)
    with transaction.atomic():
        saved.save()
        audit("segment.changed" if segment else "segment.added", saved.name, actor=by)
    return saved


def segment_delete(segment: Segment, *, by: User) -> None:
    """Rules and greetings that ask for it find nobody in it from now on."""
    with transaction.atomic():
        audit("segment.removed", segment.name, actor=by)
        segment.delete()
